# Extensions that are not here.

family ipv4
*filter
:INPUT
-p udplite -m udplite --sport 53 ;  ; 1:15 unknown match 'udplite'
*mangle
:INPUT
-j TTL --ttl-set 5 ;  ; later 1:4 -j TTL is known to iptables but not to Sallyport yet

family ipv6
*filter
:INPUT
-m recent --set ;  ; later 1:4 -m recent is known to iptables but not to Sallyport yet
-m frag --fragmore ;  ; later 1:4 -m frag is known to iptables but not to Sallyport yet
-j HL --hl-set 5 ;  ; 1:4 -j HL is known to iptables but not to Sallyport yet

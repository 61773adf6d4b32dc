# -j NETMAP

family ipv4
*nat
:PREROUTING
-j NETMAP --to 10.0.0.0/24 ; = ; ok
-j NETMAP --to 10.0.0.5/24 ; -j NETMAP --to 10.0.0.0/24 ; ok
-j NETMAP --to 10.0.0.5 ; -j NETMAP --to 10.0.0.5/32 ; ok
-j NETMAP --to 10.0.0.0/255.255.0.255 ;  ; stricter 1:16 --to: a mask without gaps is needed
-j NETMAP ;  ; 1:4 -j NETMAP: --to is missing
:POSTROUTING
-j NETMAP --to 10.0.0.0/8 ; = ; ok
*filter
:INPUT
-j NETMAP --to 10.0.0.0/8 ;  ; 1:4 -j NETMAP cannot stand in table filter
*nat
:INPUT
-j NETMAP --to 1.0.0.0/8 ; = ; ok
:OUTPUT
-j NETMAP --to 1.0.0.0/8 ; = ; ok

family ipv6
*nat
:PREROUTING
-j NETMAP --to fe80::/64 ; = ; ok
-j NETMAP --to fe80::5 ; -j NETMAP --to fe80::5/128 ; ok
-j NETMAP --to fe80::5/64 ; -j NETMAP --to fe80::/64 ; ok

# -m ttl

family ipv4
*filter
:INPUT
-m ttl --ttl-eq 64 ; = ; ok
-m ttl --ttl 64 ; -m ttl --ttl-eq 64 ; ok
-m ttl ! --ttl-eq 64 ; = ; ok
-m ttl --ttl-lt 64 ; = ; ok
-m ttl --ttl-gt 64 ; = ; ok
-m ttl ! --ttl-gt 64 ;  ; 1:8 --ttl-gt cannot be negated
-m ttl --ttl-gt 256 ;  ; 1:17 --ttl-gt: '256' is not a number from 0 to 255
-m ttl --ttl-gt 6 --ttl-lt 9 ;  ; 1:19 --ttl-lt cannot stand beside --ttl-gt
-m ttl ;  ; 1:4 -m ttl: --ttl-eq, --ttl-lt or --ttl-gt is needed

family ipv6
*filter
:INPUT
-m ttl --ttl-eq 6 ;  ; 1:4 -m ttl is for IPv4 only

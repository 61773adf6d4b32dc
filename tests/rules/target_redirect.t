# -j REDIRECT

family ipv4
*nat
:PREROUTING
-p tcp -j REDIRECT ; = ; ok
-j REDIRECT ; = ; ok
-p tcp -j REDIRECT --to-ports 80 ; = ; ok
-p tcp -j REDIRECT --to-ports 80-90 ; = ; ok
-p tcp -j REDIRECT --to-ports http ; -p tcp -j REDIRECT --to-ports 80 ; ok
-p tcp -j REDIRECT --to-ports 80 --random ; = ; ok
-j REDIRECT --to-ports 80 ;  ; 1:4 -j REDIRECT: ports need -p tcp, udp, sctp or dccp
:POSTROUTING
-p tcp -j REDIRECT --to-ports 80 ;  ; 1:11 -j REDIRECT cannot stand in POSTROUTING
:OUTPUT
-p tcp -j REDIRECT --to-ports 90-80 ;  ; 1:31 --to-ports: the range '90-80' runs backwards
-p tcp -j REDIRECT --to-ports 0 ; = ; ok
-p tcp -j REDIRECT --random ; = ; ok
:INPUT
-p tcp -j REDIRECT --to-ports 1 ;  ; 1:11 -j REDIRECT cannot stand in INPUT

family ipv6
*nat
:PREROUTING
-p tcp -j REDIRECT --to-ports 80 ; = ; ok

# -j MASQUERADE

family ipv4
*nat
:POSTROUTING
-j MASQUERADE ; = ; ok
-p tcp -j MASQUERADE --to-ports 1024-2048 ; = ; ok
-p tcp -j MASQUERADE --to-ports 1024 --random ; = ; ok
-j MASQUERADE --random-fully ; = ; ok
-j MASQUERADE --random-fully --random ; -j MASQUERADE --random --random-fully ; ok
-j MASQUERADE --to-ports 5 ;  ; 1:4 -j MASQUERADE: ports need -p tcp, udp, sctp or dccp
-p tcp -j MASQUERADE --to-ports 0-9 ; = ; ok
-p tcp -j MASQUERADE --to-ports http ; -p tcp -j MASQUERADE --to-ports 80 ; ok
:PREROUTING
-j MASQUERADE ;  ; 1:4 -j MASQUERADE cannot stand in PREROUTING
:OUTPUT
-j MASQUERADE ;  ; 1:4 -j MASQUERADE cannot stand in OUTPUT
*filter
:INPUT
-j MASQUERADE ;  ; 1:4 -j MASQUERADE cannot stand in table filter
*nat
:user
-j MASQUERADE ; = ; ok

family ipv6
*nat
:POSTROUTING
-p tcp -j MASQUERADE --to-ports 80-90 ; = ; ok
-p icmpv6 -j MASQUERADE --to-ports 80-90 ;  ; 1:14 -j MASQUERADE: ports need -p tcp, udp, sctp or dccp
-p udplite -j MASQUERADE --to-ports 80-90 ;  ; 1:15 -j MASQUERADE: ports need -p tcp, udp, sctp or dccp

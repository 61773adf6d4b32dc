# -j SNAT

family ipv4
*nat
:POSTROUTING
-j SNAT --to-source 1.2.3.4 ; = ; ok
-j SNAT --to 1.2.3.4-1.2.3.9 ; -j SNAT --to-source 1.2.3.4-1.2.3.9 ; ok
-p tcp -j SNAT --to 1.2.3.4-1.2.3.9:5-6 --random --persistent ; -p tcp -j SNAT --to-source 1.2.3.4-1.2.3.9:5-6 --random --persistent ; ok
-p tcp -j SNAT --to 1.2.3.4:80 ; -p tcp -j SNAT --to-source 1.2.3.4:80 ; ok
-j SNAT --to 1.2.3.4:80 ;  ; 1:4 -j SNAT: ports need -p tcp, udp, sctp or dccp
-p tcp -j SNAT --to :80 ; -p tcp -j SNAT --to-source :80 ; ok
-p tcp -j SNAT --to :80-90 --random-fully ; -p tcp -j SNAT --to-source :80-90 --random-fully ; ok
-j SNAT ;  ; 1:4 -j SNAT: --to-source is missing
-p tcp -j SNAT --to 1.2.3.4:90-80 ;  ; 1:21 --to-source: the range '90-80' runs backwards
-p tcp -j SNAT --to 1.2.3.4-1.2.3.1 ; -p tcp -j SNAT --to-source 1.2.3.4-1.2.3.1 ; ok
-p tcp -j SNAT --to 1.2.3.4:0 ; -p tcp -j SNAT --to-source 1.2.3.4:0 ; ok
-p tcp -j SNAT --to 1.2.3.4 --to 1.2.3.5 ;  ; 1:29 --to-source is given twice, or beside an option that says the same
-p icmp -j SNAT --to 1.2.3.4:80 ; -p icmp -j SNAT --to-source 1.2.3.4:80 ; ok
-p sctp -j SNAT --to 1.2.3.4:80 ; -p sctp -j SNAT --to-source 1.2.3.4:80 ; ok
-p udplite -j SNAT --to 1.2.3.4:80 ;  ; 1:15 -j SNAT: ports need -p tcp, udp, sctp or dccp
! -p tcp -j SNAT --to 1.2.3.4:80 ; ! -p tcp -j SNAT --to-source 1.2.3.4:80 ; ok
-p tcp -j SNAT --to 1.2.3.4:http ; -p tcp -j SNAT --to-source 1.2.3.4:80 ; ok
-p tcp -j SNAT --to 1.2.3.9-1.2.3.4 ; -p tcp -j SNAT --to-source 1.2.3.9-1.2.3.4 ; ok
-p tcp -j SNAT --random --to 1.2.3.4 --random-fully --persistent ; -p tcp -j SNAT --to-source 1.2.3.4 --random --random-fully --persistent ; ok
:PREROUTING
-j SNAT --to 1.2.3.4 ;  ; 1:4 -j SNAT cannot stand in PREROUTING
-p tcp -j SNAT --to 1.2.3.4:80 ;  ; 1:11 -j SNAT cannot stand in PREROUTING
:INPUT
-j SNAT --to 1.2.3.4 ; -j SNAT --to-source 1.2.3.4 ; ok

family ipv6
*nat
:POSTROUTING
-j SNAT --to fe80::1 ; -j SNAT --to-source fe80::1 ; ok
-p tcp -j SNAT --to [fe80::1]:80 ; -p tcp -j SNAT --to-source [fe80::1]:80 ; ok
-p tcp -j SNAT --to [fe80::1-fe80::5]:80-90 ; -p tcp -j SNAT --to-source [fe80::1-fe80::5]:80-90 ; ok
-p tcp -j SNAT --to [fe80::1]-[fe80::5]:80-90 ;  ; 1:21 --to-source: ':' is missing before '-[fe80::5]:80-90'
-p tcp -j SNAT --to fe80::1-fe80::5 ; -p tcp -j SNAT --to-source fe80::1-fe80::5 ; ok

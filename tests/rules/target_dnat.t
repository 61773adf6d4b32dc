# -j DNAT

family ipv4
*nat
:PREROUTING
-j DNAT --to-destination 1.2.3.4 ; = ; ok
-p tcp -j DNAT --to 1.2.3.4:80 ; -p tcp -j DNAT --to-destination 1.2.3.4:80 ; ok
-p tcp -j DNAT --to 1.2.3.4:80-90/70 ; -p tcp -j DNAT --to-destination 1.2.3.4:80-90/70 ; ok
-p tcp -j DNAT --to 1.2.3.4:80 --random --persistent ; -p tcp -j DNAT --to-destination 1.2.3.4:80 --random --persistent ; ok
-p tcp -j DNAT --to 1.2.3.4:http ; -p tcp -j DNAT --to-destination 1.2.3.4:80 ; ok
-p tcp -j DNAT --to :8080 ; -p tcp -j DNAT --to-destination :8080 ; ok
-j DNAT ;  ; 1:4 -j DNAT: --to-destination is missing
-p tcp -j DNAT --to 1.2.3.4-1.2.3.9:80-90/70 ; -p tcp -j DNAT --to-destination 1.2.3.4-1.2.3.9:80-90/70 ; ok
-p tcp -j DNAT --to 1.2.3.4:0 ; -p tcp -j DNAT --to-destination 1.2.3.4:0 ; ok
-p tcp -j DNAT --to 1.2.3.4:70000 ;  ; 1:21 --to-destination: '70000' is not a number from 0 to 65535
-p tcp -j DNAT --to 1.2.3.4: ;  ; 1:21 --to-destination: '' is neither a port nor a service of /etc/services
-p tcp -j DNAT --to 1.2.3 ;  ; 1:21 --to-destination: '1.2.3' is not an address of this family
-p tcp -j DNAT --to 1.2.3.4:80 --random-fully ;  ; 1:32 unknown option '--random-fully'
:POSTROUTING
-j DNAT --to 1.1.1.1 ;  ; 1:4 -j DNAT cannot stand in POSTROUTING
:INPUT
-j DNAT --to 1.1.1.1 ;  ; 1:4 -j DNAT cannot stand in INPUT
:OUTPUT
-j DNAT --to 1.1.1.1-1.1.1.3 ; -j DNAT --to-destination 1.1.1.1-1.1.1.3 ; ok

family ipv6
*nat
:PREROUTING
-p tcp -j DNAT --to [fe80::1]:80 ; -p tcp -j DNAT --to-destination [fe80::1]:80 ; ok
-p tcp -j DNAT --to [fe80::1]:80-90/70 ; -p tcp -j DNAT --to-destination [fe80::1]:80-90/70 ; ok
-p tcp -j DNAT --to [fe80::1] ; -p tcp -j DNAT --to-destination fe80::1 ; ok
-p tcp -j DNAT --to :80 ; -p tcp -j DNAT --to-destination :80 ; ok
-p tcp -j DNAT --to fe80::1 --persistent ; -p tcp -j DNAT --to-destination fe80::1 --persistent ; ok

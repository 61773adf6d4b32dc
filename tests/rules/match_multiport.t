# -m multiport

family ipv4
*filter
:INPUT
-p tcp -m multiport --dports 22,80,443 ; = ; ok
-p tcp -m multiport --dports 22,80:90,ssh ; -p tcp -m multiport --dports 22,80:90,22 ; ok
-p tcp -m multiport ! --ports 22 ; = ; ok
-p tcp -m multiport --sports 22 ; = ; ok
-p tcp -m multiport --destination-ports 22 ; -p tcp -m multiport --dports 22 ; ok
-p tcp -m multiport --source-ports 22 --dports 5 ;  ; 1:39 --dports cannot stand beside --sports
-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 ; = ; ok
-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 ;  ; 1:30 --dports: more than 15 ports, of which a range counts as two
-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14:15,16 ;  ; 1:30 --dports: more than 15 ports, of which a range counts as two
-p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,16 ; = ; ok
-p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,16:17 ;  ; 1:30 --dports: more than 15 ports, of which a range counts as two
-p tcp -m multiport --dports 9:2 ;  ; 1:30 --dports: the range '9:2' does not run upwards
-p tcp -m multiport --dports 9: ;  ; 1:30 --dports: '' is neither a port nor a service of /etc/services
-p tcp -m multiport --dports :9 ;  ; 1:30 --dports: '' is neither a port nor a service of /etc/services
-p icmp -m multiport --dports 9 ;  ; 1:12 -m multiport: -p tcp, udp, udplite, sctp or dccp is needed
-m multiport --dports 9 ;  ; 1:4 -m multiport: -p tcp, udp, udplite, sctp or dccp is needed
! -p tcp -m multiport --dports 9 ;  ; 1:13 -m multiport: -p tcp, udp, udplite, sctp or dccp is needed
-p sctp -m multiport --dports 9 ; = ; ok
-p 136 -m multiport --dports 9 ; -p udplite -m multiport --dports 9 ; ok
-p dccp -m multiport --dports 9 ; = ; ok
-p udp -m multiport ;  ; 1:11 -m multiport: no ports are given
-p tcp -m multiport --dports 5:5 ;  ; 1:30 --dports: the range '5:5' does not run upwards
-p tcp -m multiport --ports 1 -m multiport --dports 2 ; = ; ok
-p udp -m multiport --dports domain ; -p udp -m multiport --dports 53 ; ok
-p tcp -m multiport --dports 1 --ports 2 ;  ; 1:32 --ports cannot stand beside --dports

family ipv6
*filter
:INPUT
-p tcp -m multiport --dports 22 ; = ; ok

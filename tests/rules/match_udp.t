# -m udp

family ipv4
*filter
:INPUT
-p udp -m udp --sport 5: --dport :7 ; -p udp -m udp --sport 5:65535 --dport 0:7 ; ok
-p udp -m udp ! --sport 5:6 ; = ; ok
-p udp --source-port 0 --destination-port 65535 ; -p udp -m udp --sport 0 --dport 65535 ; ok
-p udp --sport 65536 ;  ; stricter 1:16 --sport: '65536' is not a number from 0 to 65535
-p udp --sport 9:1 ; -p udp -m udp --sport 9:1 ; ok
-p udp --sport : ; -p udp -m udp ; ok
-p udp --sport 0:65535 ; -p udp -m udp ; ok
-p udp ! --sport 0:65535 ;  ; stricter 1:10 -m udp: ! --sport 0:65535 can never match
-p udp --sport nosuchport ;  ; 1:16 --sport: 'nosuchport' is neither a port nor a service of /etc/services
-p udp --sport domain:ntp ; -p udp -m udp --sport 53:123 ; ok
-p udp --sport 0x35 ;  ; 1:16 --sport: '0x35' is neither a port nor a service of /etc/services
-p udp --sport 053 ; -p udp -m udp --sport 53 ; ok
-p udplite --sport 53 ;  ; 1:12 --sport needs -p tcp
-p udplite -m udp --sport 53 ;  ; 1:15 -m udp needs -p udp

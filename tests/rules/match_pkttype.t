# -m pkttype

family ipv4
*filter
:INPUT
-m pkttype --pkt-type multicast ; = ; ok
-m pkttype ! --pkt-type BROADCAST ; -m pkttype ! --pkt-type broadcast ; ok
-m pkttype --pkt-type unicast ; = ; ok
-m pkttype --pkt-type host ; -m pkttype --pkt-type unicast ; ok
-m pkttype --pkt-type to_us ;  ; 1:23 --pkt-type: unknown packet type 'to_us'
-m pkttype --pkt-type otherhost ; = ; ok
-m pkttype --pkt-type bcast ; -m pkttype --pkt-type broadcast ; ok
-m pkttype --pkt-type mcast ; -m pkttype --pkt-type multicast ; ok
-m pkttype ;  ; 1:4 -m pkttype: --pkt-type is missing
-p tcp -m pkttype --pkt-type multi ;  ; 1:30 --pkt-type: unknown packet type 'multi'

family ipv6
*filter
:INPUT
-m pkttype --pkt-type multicast ; = ; ok

# -m addrtype

family ipv4
*filter
:INPUT
-m addrtype --dst-type LOCAL ; = ; ok
-m addrtype ! --dst-type LOCAL,broadcast --src-type UNICAST ; -m addrtype --src-type UNICAST ! --dst-type LOCAL,BROADCAST ; ok
-m addrtype --src-type LOCAL --limit-iface-in ; = ; ok
-m addrtype --src-type LOCAL --limit-iface-out ;  ; 1:4 -m addrtype cannot stand in INPUT
-p tcp -m addrtype --dst-type uni,LOC ; -p tcp -m addrtype --dst-type UNICAST,LOCAL ; ok
:OUTPUT
-m addrtype --src-type LOCAL --limit-iface-in ;  ; 1:4 -m addrtype cannot stand in OUTPUT
-m addrtype --src-type LOCAL --limit-iface-out ; = ; ok
:FORWARD
-m addrtype --src-type LOCAL --limit-iface-in --limit-iface-out ;  ; 1:47 --limit-iface-out cannot stand beside --limit-iface-in
-m addrtype ;  ; 1:4 -m addrtype: --src-type or --dst-type is needed
-m addrtype --src-type UNSPEC,UNICAST,LOCAL,BROADCAST,ANYCAST,MULTICAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE ; = ; ok
-m addrtype --src-type LOCAL --limit-iface-out ; = ; ok
:user
-m addrtype --src-type LOCAL --limit-iface-out ; = ; ok
*mangle
:POSTROUTING
-m addrtype --src-type LOCAL --limit-iface-out ; = ; ok
:PREROUTING
-m addrtype --src-type LOCAL --limit-iface-out ;  ; 1:4 -m addrtype cannot stand in PREROUTING

family ipv6
*filter
:INPUT
-m addrtype --dst-type LOCAL ; = ; ok
-m addrtype --dst-type BROADCAST ;  ; 1:24 --dst-type: IPv6 has only UNSPEC, UNICAST, LOCAL, ANYCAST, MULTICAST and UNREACHABLE
-m addrtype --dst-type UNICAST,MULTICAST,ANYCAST,UNREACHABLE ; -m addrtype --dst-type UNICAST,ANYCAST,MULTICAST,UNREACHABLE ; ok
-m addrtype --dst-type BLACKHOLE ;  ; 1:24 --dst-type: IPv6 has only UNSPEC, UNICAST, LOCAL, ANYCAST, MULTICAST and UNREACHABLE
-m addrtype --dst-type LOCAL --limit-iface-in ; = ; ok

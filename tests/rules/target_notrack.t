# -j NOTRACK

family ipv4
*raw
:PREROUTING
-j NOTRACK ; = ; ok
:OUTPUT
-j NOTRACK ; = ; ok

family ipv6
*raw
:PREROUTING
-j NOTRACK ; = ; ok

# -m state

family ipv4
*filter
:INPUT
-m state ;  ; 1:4 -m state: --state is missing
-m state ! --state NEW ; = ; ok
-m state --state ALL ;  ; 1:18 --state: unknown state 'ALL'
-m state --state SNAT ;  ; 1:18 --state: unknown state 'SNAT'
-m state --state NEW, ;  ; 1:18 --state: unknown state ''
-m state --state ,NEW ;  ; 1:18 --state: unknown state ''
-m state --state "" ;  ; 1:18 --state: unknown state ''

family ipv6
*filter
:INPUT
-m state --state NEW -p udp --dport 53 ; -p udp -m state --state NEW -m udp --dport 53 ; ok

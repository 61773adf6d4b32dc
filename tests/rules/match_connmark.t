# -m connmark

family ipv4
*filter
:INPUT
-m connmark --mark 1/0xffffffff ; -m connmark --mark 0x1 ; ok
-m connmark ! --mark 5 ; -m connmark ! --mark 0x5 ; ok
-m connmark ;  ; 1:4 -m connmark: --mark is missing

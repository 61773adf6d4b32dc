# -m mark

family ipv4
*filter
:INPUT
-m mark --mark 0x10 ; = ; ok
-m mark ! --mark 16/0xff ; -m mark ! --mark 0x10/0xff ; ok
-m mark --mark 010/0 ; -m mark --mark 0x8/0x0 ; ok
-m mark --mark 1/2 ; -m mark --mark 0x1/0x2 ; ok
-m mark --mark 0x1ffffffff ;  ; 1:16 --mark: '0x1ffffffff' is not a number from 0 to 4294967295
-m mark --mark -1 ;  ; 1:16 --mark: '-1' is not a number from 0 to 4294967295
-m mark ;  ; 1:4 -m mark: --mark is missing
-m mark --mark 1 --mark 2 ;  ; 1:18 --mark is given twice, or beside an option that says the same

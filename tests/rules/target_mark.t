# -j MARK

family ipv4
*mangle
:PREROUTING
-j MARK ;  ; 1:4 -j MARK: --set-xmark is missing
-j MARK --set-xmark 1/2 ; -j MARK --set-xmark 0x1/0x2 ; ok
-j MARK --set-mark 3/2 ; -j MARK --set-xmark 0x3/0x3 ; ok
-j MARK --and-mark 0xf0 ; -j MARK --set-xmark 0x0/0xffffff0f ; ok
-j MARK --or-mark 0xf0 ; -j MARK --set-xmark 0xf0/0xf0 ; ok
-j MARK --xor-mark 0xf0 ; -j MARK --set-xmark 0xf0/0x0 ; ok
-j MARK --or-mark 0xf0/3 ;  ; 1:19 --or-mark: '0xf0/3' is not a number from 0 to 4294967295
-j MARK --or-mark 1 --and-mark 2 ;  ; 1:21 --and-mark is given twice, or beside an option that says the same
-j MARK --set-mark 0xffffffffff ;  ; 1:20 --set-mark: '0xffffffffff' is not a number from 0 to 4294967295
*security
:INPUT
-j MARK --set-mark 1 ; -j MARK --set-xmark 0x1/0xffffffff ; ok

family ipv6
*mangle
:PREROUTING
-j MARK --set-mark 3 ; -j MARK --set-xmark 0x3/0xffffffff ; ok

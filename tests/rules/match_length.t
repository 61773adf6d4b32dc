# -m length

family ipv4
*filter
:INPUT
-m length --length 40 ; = ; ok
-m length --length 40:100 ; = ; ok
-m length --length :100 ; -m length --length 0:100 ; ok
-m length --length 100: ; -m length --length 100:65535 ; ok
-m length ! --length 100:40 ; = ; ok
-m length --length 65536 ;  ; 1:20 --length: '65536' is not a number from 0 to 65535
-m length --length 0x40 ; -m length --length 64 ; ok
-m length --length : ; -m length --length 0:65535 ; ok
-m length --length 1:2:3 ;  ; 1:20 --length: '2:3' is not a number from 0 to 65535

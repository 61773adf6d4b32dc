# -j NFLOG

family ipv4
*filter
:INPUT
-j NFLOG ; = ; ok
-j NFLOG --nflog-group 0 ; -j NFLOG ; ok
-j NFLOG --nflog-group 5 --nflog-prefix hi ; -j NFLOG --nflog-prefix hi --nflog-group 5 ; ok
-j NFLOG --nflog-group 65535 ; = ; ok
-j NFLOG --nflog-group 0x10 ; -j NFLOG --nflog-group 16 ; ok
-j NFLOG --nflog-group 65536 ;  ; 1:24 --nflog-group: '65536' is not a number from 0 to 65535
-j NFLOG --nflog-group -1 ;  ; 1:24 --nflog-group: '-1' is not a number from 0 to 65535
-j NFLOG ! --nflog-group 1 ;  ; 1:10 --nflog-group cannot be negated
-j NFLOG --nflog-group 1 --nflog-group 2 ;  ; 1:26 --nflog-group is given twice, or beside an option that says the same
-j NFLOG --nflog-prefix "a b" --nflog-threshold 3 --nflog-size 64 ; -j NFLOG --nflog-prefix "a b" --nflog-size 64 --nflog-threshold 3 ; ok
-j NFLOG --nflog-prefix 123456789012345678901234567890123456789012345678901234567890123 ; = ; ok
-j NFLOG --nflog-prefix 1234567890123456789012345678901234567890123456789012345678901234 ; -j NFLOG --nflog-prefix 123456789012345678901234567890123456789012345678901234567890123 ; ok
-j NFLOG --nflog-prefix "" ;  ; 1:25 --nflog-prefix: empty text
-j NFLOG --nflog-prefix "a'b\"c" ; -j NFLOG --nflog-prefix "a\'b\"c" ; ok
-j NFLOG --nflog-size 0 ; = ; ok
-j NFLOG --nflog-size 4294967295 ; = ; ok
-j NFLOG --nflog-size 4294967296 ;  ; 1:23 --nflog-size: '4294967296' is not a number from 0 to 4294967295
-j NFLOG --nflog-range 64 ; = ; ok
-j NFLOG --nflog-range 64 --nflog-size 4 ;  ; 1:27 --nflog-size cannot stand beside --nflog-range
-j NFLOG --nflog-threshold 0 ; -j NFLOG ; ok
-j NFLOG --nflog-threshold 1 ; = ; ok
-j NFLOG --nflog-threshold 65536 ;  ; 1:28 --nflog-threshold: '65536' is not a number from 0 to 65535

family ipv6
*raw
:PREROUTING
-j NFLOG --nflog-prefix x --nflog-group 3 ; = ; ok

# -j CONNMARK

family ipv4
*mangle
:PREROUTING
-j CONNMARK ;  ; 1:4 -j CONNMARK: --set-xmark, --save-mark, --restore-mark or the like is needed
-j CONNMARK --set-mark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; ok
-j CONNMARK --set-mark 3/2 ; -j CONNMARK --set-xmark 0x3/0x3 ; ok
-j CONNMARK --set-xmark 1/2 ; -j CONNMARK --set-xmark 0x1/0x2 ; ok
-j CONNMARK --and-mark 0xf0 ; -j CONNMARK --set-xmark 0x0/0xffffff0f ; ok
-j CONNMARK --or-mark 0xf0 ; -j CONNMARK --set-xmark 0xf0/0xf0 ; ok
-j CONNMARK --xor-mark 0xf0 ; -j CONNMARK --set-xmark 0xf0/0x0 ; ok
-j CONNMARK --save-mark ; -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff ; ok
-j CONNMARK --restore-mark ; -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff ; ok
-j CONNMARK --save-mark --mask 0xff ; -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff ; ok
-j CONNMARK --restore-mark --mask 0xff ; -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff ; ok
-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf ; = ; ok
-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf ; = ; ok
-j CONNMARK --restore-mark --nfmask 0xff ; -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xffffffff ; ok
-j CONNMARK --restore-mark --ctmask 0xff ; -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xff ; ok
-j CONNMARK --set-mark 1 --ctmask 0xff ; -j CONNMARK --set-xmark 0x1/0xff ; ok
-j CONNMARK --mask 0xff --save-mark ; -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff ; ok
-j CONNMARK --save-mark --mask 0xff --nfmask 0xf ;  ; 1:4 -j CONNMARK: --mask cannot stand beside --nfmask and --ctmask
-j CONNMARK --left-shift-mark 3 --set-xmark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff --left-shift-mark 3 ; ok
*filter
:INPUT
-j CONNMARK --set-mark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; ok
*raw
:PREROUTING
-j CONNMARK --save-mark ; -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff ; ok
*mangle
:INPUT
-j CONNMARK --set-mark 1 --nfmask 3 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; ok
-j CONNMARK --save-mark --restore-mark ;  ; 1:25 --restore-mark cannot stand beside --save-mark
-j CONNMARK --mask 3 ;  ; 1:4 -j CONNMARK: --set-xmark, --save-mark, --restore-mark or the like is needed
-j CONNMARK --and-mark 3 --mask 1 ; -j CONNMARK --set-xmark 0x0/0x1 ; ok
-j CONNMARK --set-mark 1/3 --ctmask 7 ; -j CONNMARK --set-xmark 0x1/0x7 ; ok
-j CONNMARK --save-mark --nfmask 7 ; -j CONNMARK --save-mark --nfmask 0x7 --ctmask 0xffffffff ; ok
-j CONNMARK --save-mark --left-shift-mark 3 ; -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff --left-shift-mark 3 ; ok
-j CONNMARK --restore-mark --right-shift-mark 32 ;  ; 1:47 --right-shift-mark: '32' is not a number from 0 to 31
-j CONNMARK --restore-mark --right-shift-mark 33 ;  ; 1:47 --right-shift-mark: '33' is not a number from 0 to 31
-j CONNMARK --set-xmark 1 --right-shift-mark 0 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; ok

family ipv6
*mangle
:PREROUTING
-j CONNMARK --restore-mark ; -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff ; ok

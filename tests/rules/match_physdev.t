# -m physdev

family ipv4
*filter
:FORWARD
-m physdev --physdev-in eth0 ; = ; ok
-m physdev ! --physdev-in eth0 ; = ; ok
-m physdev --physdev-out eth1 ; = ; ok
-m physdev ! --physdev-out eth+ ; = ; ok
-m physdev --physdev-in + ; = ; ok
-m physdev ! --physdev-in + ; = ; ok
-m physdev --physdev-in eth+0 ; = ; ok
-m physdev --physdev-in abcdefghijklmno ; = ; ok
-m physdev --physdev-in abcdefghijklmn+ ; = ; ok
-m physdev --physdev-in abcdefghijklmnop ;  ; 1:25 --physdev-in: interface name 'abcdefghijklmnop' has more than 15 bytes
-m physdev --physdev-in "" ;  ; stricter 1:25 --physdev-in: an empty interface name
-m physdev --physdev-in "a b" ;  ; stricter 1:25 --physdev-in: interface name 'a b' has blanks or quotes
-m physdev --physdev-is-in ; = ; ok
-m physdev ! --physdev-is-in ; = ; ok
-m physdev --physdev-is-out ; = ; ok
-m physdev ! --physdev-is-out ; = ; ok
-m physdev --physdev-is-bridged ; = ; ok
-m physdev ! --physdev-is-bridged ; = ; ok
-m physdev --physdev-is-bridged --physdev-out eth1 --physdev-is-out --physdev-in eth0 --physdev-is-in ; -m physdev --physdev-is-in --physdev-in eth0 --physdev-is-out --physdev-out eth1 --physdev-is-bridged ; ok
-m physdev ! --physdev-is-bridged ! --physdev-out eth1 ! --physdev-is-out ! --physdev-in eth0 ! --physdev-is-in ; -m physdev ! --physdev-is-in ! --physdev-in eth0 ! --physdev-is-out ! --physdev-out eth1 ! --physdev-is-bridged ; ok
-m physdev --physdev-in eth0 -m physdev --physdev-out eth1 ; = ; ok
-m physdev ;  ; 1:4 -m physdev: --physdev-in, --physdev-out or one of --physdev-is-… is needed
-m physdev --physdev-in eth0 --physdev-in eth1 ;  ; 1:30 --physdev-in is given twice, or beside an option that says the same
-m physdev --physdev-is-in ! --physdev-is-in ;  ; 1:30 --physdev-is-in is given twice, or beside an option that says the same
:INPUT
-m physdev --physdev-in eth0 ; = ; ok
-m physdev --physdev-out eth0 ; = ; ok
-m physdev --physdev-is-out ! --physdev-is-bridged ; = ; ok
:OUTPUT
-m physdev --physdev-in eth0 ; = ; ok
-m physdev --physdev-is-bridged ; = ; ok
-m physdev --physdev-is-in ; = ; ok
-m physdev --physdev-out eth0 ;  ; 1:4 -m physdev cannot stand in OUTPUT
-m physdev ! --physdev-is-out ;  ; 1:4 -m physdev cannot stand in OUTPUT
-m physdev --physdev-out eth0 ! --physdev-is-bridged ;  ; 1:4 -m physdev cannot stand in OUTPUT
-m physdev --physdev-out eth0 --physdev-is-bridged ; = ; ok
-m physdev ! --physdev-is-out --physdev-is-bridged ; = ; ok
*mangle
:POSTROUTING
-m physdev --physdev-in eth0 --physdev-out eth1 ; = ; ok
:PREROUTING
-m physdev ! --physdev-out eth1 ; = ; ok

family ipv6
*filter
:FORWARD
-m physdev --physdev-in eth0 ! --physdev-out eth+ --physdev-is-bridged ; = ; ok
:OUTPUT
-m physdev --physdev-is-out ;  ; 1:4 -m physdev cannot stand in OUTPUT

# -m mac

family ipv4
*filter
:INPUT
-m mac --mac-source 00:11:22:aa:BB:cc ; -m mac --mac-source 00:11:22:aa:bb:cc ; ok
-m mac ! --mac-source 00:11:22:aa:BB:cc ; -m mac ! --mac-source 00:11:22:aa:bb:cc ; ok
:OUTPUT
-m mac --mac-source 00:11:22:aa:BB:cc ;  ; 1:4 -m mac cannot stand in OUTPUT
:FORWARD
-m mac --mac-source 0:1:2:a:B:c ; -m mac --mac-source 00:01:02:0a:0b:0c ; ok
-m mac --mac-source 0-1-2-a-B-c ;  ; 1:21 --mac-source: '0-1-2-a-B-c' is not a MAC address like 00:11:22:aa:bb:cc
*mangle
:FORWARD
-m mac --mac-source 00:01:02:03:04:05 ; = ; ok
:POSTROUTING
-m mac --mac-source 00:01:02:03:04:05 ;  ; 1:4 -m mac cannot stand in POSTROUTING
:PREROUTING
-m mac --mac-source 00:01:02:03:04:05 ; = ; ok

family ipv6
*filter
:INPUT
-m mac --mac-source 00:11:22:33:44:55 ; = ; ok

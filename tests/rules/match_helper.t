# -m helper

family ipv4
*filter
:FORWARD
-m helper --helper ftp ; = ; ok
-m helper ! --helper ftp ; = ; ok
-m helper --helper "" ; = ; ok
-m helper ! --helper "" ; = ; ok
-m helper --helper ftp-2121 ; = ; ok
-m helper --helper nosuch ; = ; ok
-m helper --helper "two words" ; = ; ok
-m helper ;  ; 1:4 -m helper: --helper is missing
-m helper --helper aaaaaaaaaaaaaaaaaaaaaaaaaaaaa ; = ; ok
-m helper --helper aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ;  ; stricter 1:20 --helper: longer than 29 bytes

family ipv6
*filter
:FORWARD
-m helper --helper ftp ; = ; ok

# -m iprange

family ipv4
*filter
:INPUT
-m iprange --src-range 10.0.0.1-10.0.0.9 ; = ; ok
-m iprange --src-range 10.0.0.1 ; -m iprange --src-range 10.0.0.1-10.0.0.1 ; ok
-m iprange ! --src-range 10.0.0.1-10.0.0.9 ! --dst-range 1.1.1.1-2.2.2.2 ; = ; ok
-m iprange --dst-range 10.0.0.9-10.0.0.1 ; = ; ok
-m iprange --dst-range 10.0.0-10.0.0.1 ; -m iprange --dst-range 10.0.0.0-10.0.0.1 ; ok
-m iprange ;  ; 1:4 -m iprange: --src-range or --dst-range is needed
-m iprange --src-range 10.0.0.1- ;  ; 1:24 --src-range: '' is not an address of this family

family ipv6
*filter
:INPUT
-m iprange --src-range fe80::1-fe80::9 ; = ; ok
-m iprange --src-range fe80::1 ; -m iprange --src-range fe80::1-fe80::1 ; ok
-m iprange --src-range fe80::9-fe80::1 ; = ; ok

# -m owner

family ipv4
*filter
:OUTPUT
-m owner --uid-owner 0 ; = ; ok
-m owner --uid-owner root ; -m owner --uid-owner 0 ; ok
-m owner ! --uid-owner 5-7 ! --gid-owner 5 ; = ; ok
-m owner --gid-owner 5 --uid-owner 7 ; -m owner --uid-owner 7 --gid-owner 5 ; ok
-m owner --socket-exists --uid-owner 0 ; = ; ok
-m owner ! --socket-exists ; = ; ok
-m owner ;  ; 1:4 -m owner: --uid-owner, --gid-owner or --socket-exists is needed
-m owner --uid-owner 7-5 ;  ; 1:22 --uid-owner: '7-5' is no user, its number, or a range of numbers
-m owner --uid-owner nobody-knows-him ;  ; 1:22 --uid-owner: 'nobody-knows-him' is no user, its number, or a range of numbers
-m owner --uid-owner 4294967295 ;  ; 1:22 --uid-owner: '4294967295' is no user, its number, or a range of numbers
:INPUT
-m owner --uid-owner 0 ;  ; 1:4 -m owner cannot stand in INPUT
*mangle
:POSTROUTING
-m owner --uid-owner 0 ; = ; ok

family ipv6
*filter
:OUTPUT
-m owner --gid-owner 0 ; = ; ok

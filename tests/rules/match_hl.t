# -m hl

family ipv6
*filter
:INPUT
-m hl --hl-eq 5 ; = ; ok
-m hl ! --hl-eq 5 ; = ; ok
-m hl --hl 5 ; -m hl --hl-eq 5 ; ok
-m hl --hl-lt 5 ; = ; ok
-m hl --hl-gt 5 ; = ; ok
-m hl ! --hl-gt 5 ;  ; 1:7 --hl-gt cannot be negated
-m hl ;  ; 1:4 -m hl: --hl-eq, --hl-lt or --hl-gt is needed

# -m connlabel

family ipv4
*mangle
:FORWARD
-m connlabel --label 5 ; -m connlabel --label "5" ; ok
-m connlabel ! --label 5 ; -m connlabel ! --label "5" ; ok
-m connlabel --set --label 0 ; -m connlabel --label "0" --set ; ok
-m connlabel ! --label 127 --set ; -m connlabel ! --label "127" --set ; ok
-m connlabel --label 0x7f ; -m connlabel --label "127" ; ok
-m connlabel --label 010 ; -m connlabel --label "8" ; ok
-m connlabel --label 128 ;  ; 1:22 --label: '128' is not a number from 0 to 127
-m connlabel --label -1 ;  ; 1:22 --label: no label has the name '-1'; --labels FILE reads a connlabel.conf
-m connlabel --label 5x ;  ; 1:22 --label: no label has the name '5x'; --labels FILE reads a connlabel.conf
-m connlabel --label "" ;  ; 1:22 --label: no label has the name ''; --labels FILE reads a connlabel.conf
-m connlabel --label bulk-traffic ;  ; 1:22 --label: no label has the name 'bulk-traffic'; --labels FILE reads a connlabel.conf
-m connlabel ;  ; 1:4 -m connlabel: --label is missing
-m connlabel --set ;  ; 1:4 -m connlabel: --label is missing
-m connlabel --label 5 ! --set ;  ; 1:24 --set cannot be negated

family ipv6
*filter
:INPUT
-m connlabel --label 5 --set ; -m connlabel --label "5" --set ; ok

# -m comment

family ipv4
*filter
:INPUT
-m comment --comment "hello world" ; = ; ok
-m comment --comment hello ; = ; ok
-m comment --comment hello.x_y-z ; -m comment --comment "hello.x_y-z" ; ok
-m comment --comment hel:lo/@ ; -m comment --comment "hel:lo/@" ; ok
-m comment --comment "a\\b" ; = ; ok
-m comment --comment "it's" ; -m comment --comment "it\'s" ; ok
-m comment --comment "" ; = ; ok
-m comment ! --comment x ;  ; 1:12 --comment cannot be negated
-m comment ;  ; 1:4 -m comment: --comment is missing
-m comment --comment é ; -m comment --comment "é" ; ok
-m comment --comment --x ; = ; ok
-m comment --comment ! -j ACCEPT ; -m comment --comment "!" -j ACCEPT ; ok
-m comment --comment a-b ; = ; ok
-m comment --comment "x ; y" ; = ; ok

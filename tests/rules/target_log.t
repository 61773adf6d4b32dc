# -j LOG

family ipv4
*filter
:INPUT
-j LOG --log-level debug ; -j LOG --log-level 7 ; ok
-j LOG --log-level 4 ; -j LOG ; ok
-j LOG --log-level warn ;  ; 1:20 --log-level: unknown log level 'warn'
-j LOG --log-level warning ; -j LOG ; ok
-j LOG --log-level emerg ; -j LOG --log-level 0 ; ok
-j LOG --log-level panic ; -j LOG --log-level 0 ; ok
-j LOG --log-level error ; -j LOG --log-level 3 ; ok
-j LOG --log-level err ;  ; 1:20 --log-level: unknown log level 'err'; did you mean 'error'?
-j LOG --log-level crit ; -j LOG --log-level 2 ; ok
-j LOG --log-level alert ; -j LOG --log-level 1 ; ok
-j LOG --log-level notice ; -j LOG --log-level 5 ; ok
-j LOG --log-level info ; -j LOG --log-level 6 ; ok
-j LOG --log-level WARN ;  ; 1:20 --log-level: unknown log level 'WARN'
-j LOG --log-level 8 ;  ; 1:20 --log-level: unknown log level '8'
-j LOG --log-level 7 ; = ; ok
-j LOG --log-level bogus ;  ; 1:20 --log-level: unknown log level 'bogus'
-j LOG --log-prefix "12345678901234567890123456789" ; -j LOG --log-prefix 12345678901234567890123456789 ; ok
-j LOG --log-prefix "123456789012345678901234567890" ; -j LOG --log-prefix 12345678901234567890123456789 ; ok
-j LOG --log-prefix "" ;  ; 1:21 --log-prefix: empty text
-j LOG --log-prefix "foo: " ; = ; ok
-j LOG --log-prefix foo ; = ; ok
-j LOG --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode --log-level 3 --log-prefix x ; -j LOG --log-prefix x --log-level 3 --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode ; ok
-j LOG --log-tcp-s --log-tcp-o ; -j LOG --log-tcp-sequence --log-tcp-options ; ok
-j LOG ! --log-level 3 ;  ; 1:8 --log-level cannot be negated
-j LOG --log-level 3 --log-level 4 ;  ; 1:22 --log-level is given twice, or beside an option that says the same
-j LOG --log-prefix "a'b" ; -j LOG --log-prefix "a\'b" ; ok
-j LOG --log-level 5 --log-prefix "-x" ; -j LOG --log-prefix -x --log-level 5 ; ok

family ipv6
*filter
:INPUT
-j LOG --log-prefix x ; = ; ok
-j LOG --log-macdecode --log-ip-options ; -j LOG --log-ip-options --log-macdecode ; ok

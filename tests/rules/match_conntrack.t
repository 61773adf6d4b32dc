# -m conntrack

family ipv4
*filter
:INPUT
-m conntrack --ctstate ALL ;  ; 1:24 --ctstate: unknown state 'ALL'
-m conntrack --ctstate invalid ; -m conntrack --ctstate INVALID ; ok
-m conntrack ! --ctstate INVALID ; = ; ok
-m conntrack --ctstate SNAT ; = ; ok
-m conntrack --ctproto tcp ; -m conntrack --ctproto 6 ; ok
-m conntrack --ctproto 17 ; = ; ok
-m conntrack ! --ctproto udp ; -m conntrack ! --ctproto 17 ; ok
-m conntrack --ctproto 0 ; = ; ok
-m conntrack --ctproto all ; -m conntrack --ctproto 0 ; ok
-m conntrack --ctorigsrc 10.0.0.1 ; = ; ok
-m conntrack ! --ctorigsrc 10.0.0.0/8 --ctorigdst 1.2.3.4/255.255.0.0 --ctreplsrc 1.1.1.1 --ctrepldst 2.2.2.2 ; -m conntrack ! --ctorigsrc 10.0.0.0/8 --ctorigdst 1.2.3.4/16 --ctreplsrc 1.1.1.1 --ctrepldst 2.2.2.2 ; ok
-m conntrack --ctorigsrc 10.0.0.5/8 ; = ; ok
-m conntrack --ctorigsrcport 5 --ctorigdstport 6:7 --ctreplsrcport 8 --ctrepldstport 9 ; = ; ok
-m conntrack ! --ctorigdstport 6:7 ; = ; ok
-m conntrack --ctorigdstport :7 ; -m conntrack --ctorigdstport 0:7 ; ok
-m conntrack --ctorigdstport 7: ; -m conntrack --ctorigdstport 7:65535 ; ok
-m conntrack --ctorigdstport 7:3 ; = ; ok
-m conntrack --ctorigdstport ssh ; -m conntrack --ctorigdstport 22 ; ok
-m conntrack --ctstatus NONE ; = ; ok
-m conntrack --ctstatus EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED ; = ; ok
-m conntrack ! --ctstatus confirmed ; -m conntrack ! --ctstatus CONFIRMED ; ok
-m conntrack --ctexpire 5 ; = ; ok
-m conntrack ! --ctexpire 5:9 ; = ; ok
-m conntrack --ctexpire :9 ; -m conntrack --ctexpire 0:9 ; ok
-m conntrack --ctexpire 9: ; -m conntrack --ctexpire 9:4294967295 ; ok
-m conntrack --ctexpire 9:3 ; = ; ok
-m conntrack --ctexpire 4294967296 ;  ; 1:25 --ctexpire: '4294967296' is not a number from 0 to 4294967295
-m conntrack --ctdir ORIGINAL ; = ; ok
-m conntrack --ctdir reply ; -m conntrack --ctdir REPLY ; ok
-m conntrack ! --ctdir reply ;  ; 1:14 --ctdir cannot be negated
-m conntrack --ctdir bogus ;  ; 1:22 --ctdir: unknown direction 'bogus'
-m conntrack ;  ; 1:4 -m conntrack: at least one option is needed
-m conntrack --ctstate NEW --ctstate INVALID ;  ; 1:28 --ctstate is given twice, or beside an option that says the same
-m conntrack --ctdir REPLY --ctexpire 1:2 --ctstatus ASSURED --ctrepldstport 1 --ctreplsrcport 2 --ctorigdstport 3 --ctorigsrcport 4 --ctrepldst 1.1.1.1 --ctreplsrc 2.2.2.2 --ctorigdst 3.3.3.3 --ctorigsrc 4.4.4.4 --ctproto 6 --ctstate NEW ; -m conntrack --ctstate NEW --ctproto 6 --ctorigsrc 4.4.4.4 --ctorigdst 3.3.3.3 --ctreplsrc 2.2.2.2 --ctrepldst 1.1.1.1 --ctorigsrcport 4 --ctorigdstport 3 --ctreplsrcport 2 --ctrepldstport 1 --ctstatus ASSURED --ctexpire 1:2 --ctdir REPLY ; ok
-m conntrack --ctstate DNAT,UNTRACKED,SNAT,ESTABLISHED ; -m conntrack --ctstate ESTABLISHED,UNTRACKED,SNAT,DNAT ; ok
-m conntrack --ctstatus assu ; -m conntrack --ctstatus ASSURED ; ok
-m conntrack --ctstatus NONE,EXPECTED ; -m conntrack --ctstatus EXPECTED ; ok
-m conntrack --ctdir orig ;  ; 1:22 --ctdir: unknown direction 'orig'

family ipv6
*filter
:INPUT
-m conntrack --ctorigsrc fe80::/10 ; = ; ok
-m conntrack --ctorigsrc fe80::1 ; = ; ok
-m conntrack --ctorigsrc fe80::1/128 ; -m conntrack --ctorigsrc fe80::1 ; ok
-m conntrack --ctorigsrc ::/0 ; = ; ok
-m conntrack --ctorigsrc 2001:db8::1/ffff:: -j ACCEPT ; -m conntrack --ctorigsrc 2001:db8::1/16 -j ACCEPT ; ok
-m conntrack --ctorigdst 2001:db8::1/ffff::ffff ;  ; stricter 1:4 -m conntrack: a mask with gaps (ip6tables forgets it, and takes the address alone)

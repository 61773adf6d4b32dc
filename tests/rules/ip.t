# What every rule can say, how options are found, and words that are wrong.

family ipv4
*filter
:INPUT
-m connmark --mark 1 -m mark --mark 2 ; -m connmark --mark 0x1 -m mark --mark 0x2 ; ok
-m mark -m connmark --mark 1 ;  ; 1:4 -m mark: --mark is missing
-m mark --mark 1 -m mark --mark 2 ; -m mark --mark 0x1 -m mark --mark 0x2 ; ok
-p tcp -m multiport --dport 22 ; -p tcp -m multiport --dports 22 ; ok
-p tcp -m multiport --dport 22 -m tcp --dport 23 ; -p tcp -m multiport --dports 22 -m tcp --dport 23 ; ok
-p tcp -m tcp --dport 23 -m multiport --dport 22 ;  ; 1:39 --dport is given twice, or beside an option that says the same
-p=tcp ;  ; 1:1 '-p=tcp' has its value attached
-ptcp --dport=22 -jACCEPT ;  ; 1:1 '-ptcp' has its value attached
-fjACCEPT ;  ; 1:1 '-fjACCEPT' has its value attached
--protocol=tcp --jump=ACCEPT ;  ; 1:1 --protocol has its value attached
! ! -p tcp ;  ; 1:3 a second ! in a row
! ;  ; 1:1 nothing follows this !
foo ;  ; 1:1 'foo' belongs to no option
-s 1.2.3.4 -s 5.6.7.8 ;  ; 1:12 -s is given twice
-p tcp -p udp ;  ; 1:8 -p is given twice
-j ACCEPT -j DROP ;  ; 1:11 -j is given twice
-j ACCEPT -g user ;  ; 1:11 -g is given twice
! -j ACCEPT ;  ; 1:1 ! cannot stand before -j
-i eth0 -i eth1 ;  ; 1:9 -i is given twice
-i verylonginterfacename ;  ; 1:4 interface name 'verylonginterfacename' has more than 15 bytes
-i abcdefghijklmno ; = ; ok
-i "" ;  ; 1:4 an empty interface name
-i "a b" ;  ; stricter 1:4 interface name 'a b' has blanks or quotes
-i et/h ; = ; ok
-i + ;  ; ok
! -i + ;  ; stricter 1:1 ! -i + can never match
-i et+h ; = ; ok
-p tcp -t filter ;  ; 1:8 -t does not belong in a rule file
-v -n -x -p tcp ;  ; 1:4 -n does not belong in a rule file
--line-numbers -p tcp ;  ; 1:1 --line-numbers does not belong in a rule file
-4 -p tcp ; -p tcp ; ok
-6 -p tcp ;  ; ok
-w -p tcp ;  ; 1:1 -w does not belong in a rule file
-p icmpv6 ; -p ipv6-icmp ; ok
-p ipv6-icmp ; = ; ok
-p 58 ; -p ipv6-icmp ; ok
-p igmp ; = ; ok
-p IGMP ; -p igmp ; ok
-p 2 ; -p igmp ; ok
-p 256 ;  ; 1:4 unknown protocol '256'
-p 0x6 ; -p tcp ; ok
-p 06 ; -p tcp ; ok
-p hopopt ;  ; ok
-p ip ;  ; ok
! -p all ;  ; 1:1 ! -p all can never match
-p mobility-header ; = ; ok
-p esp ; = ; ok
-p gre ; = ; ok
-p 135 ; -p mobility-header ; ok
-s 1.2.3.4/33 ;  ; 1:4 '33' is neither a prefix length from 0 to 32 nor an IPv4 mask
-s 1.2.3.4/0x10 ; -s 1.2.0.0/16 ; ok
-s 1.2.3.4/ ;  ; 1:4 '' is neither a prefix length from 0 to 32 nor an IPv4 mask
-s 1.2.3.4/255.255.0.0 ; -s 1.2.0.0/16 ; ok
-s 0x0a000001 ; -s 10.0.0.1/32 ; ok
-s 010.0.0.1 ; -s 8.0.0.1/32 ; ok
-s 256.0.0.1 ;  ; 1:4 '256.0.0.1' is not an IPv4 address (names of hosts are not looked up)
-s 1.2.3.4.5 ;  ; 1:4 '1.2.3.4.5' is not an IPv4 address (names of hosts are not looked up)
-s 3232235777 ; -s 192.168.1.1/32 ; ok
-s localhost ;  ; stricter 1:4 'localhost' is not an IPv4 address (names of hosts are not looked up)
-s loopback/8 ;  ; stricter 1:4 'loopback' is not an IPv4 address (names of hosts are not looked up)
! -s 1.1.1.1,2.2.2.2 ;  ; 1:1 ! does not go with several addresses after -s
-s 1.1.1.1, ;  ; 1:12 '' is not an IPv4 address (names of hosts are not looked up)
-s ,1.1.1.1 ;  ; 1:4 '' is not an IPv4 address (names of hosts are not looked up)
-s 1.1.1.1/24,1.1.1.2/24 ; -s 1.1.1.0/24 && -s 1.1.1.0/24 ; ok
-s ::1 ;  ; 1:4 '::1' is not an IPv4 address (names of hosts are not looked up)
-c 1 ;  ; 1:1 -c needs two numbers, packets and bytes
-c 1,2 ;  ; ok
-c x y ;  ; 1:1 -c needs two numbers, packets and bytes
-j RETURN ; = ; ok
-j QUEUE ;  ; later 1:4 -j QUEUE is known to iptables but not to Sallyport yet
-j accept ;  ; 1:4 unknown target or chain 'accept'
-j INPUT ;  ; 1:4 INPUT is a built-in chain: nothing can jump to it
-j "" ;  ; 1:4 unknown target or chain ''
-j "u" ;  ; 1:4 unknown target or chain 'u'
-m "" ;  ; 1:4 unknown match ''
-j ACCEPT extra ;  ; 1:11 'extra' belongs to no option
-m comment --comment a"b c"d ;  ; 1:28 'd' belongs to no option
-m comment --comment a\"b ;  ; stricter 1:24 this quote is not closed
-m comment --comment "unterminated ;  ; stricter 1:22 this quote is not closed
-m comment --comment "tab	in" ; = ; ok
-m comment --comment "a\nb" ; -m comment --comment anb ; ok
-m comment --comment "a$b`c!d" ; = ; ok
-m comment --comment "a;b'c|d&e" ; -m comment --comment "a;b\'c|d&e" ; ok
-m comment --comment "#x" ; = ; ok
-m comment --comment x # y ;  ; 1:24 '#' belongs to no option
-m tcp -p tcp --dport 5 ; -p tcp -m tcp --dport 5 ; ok
-m tcp --dport 5 -p tcp ; -p tcp -m tcp --dport 5 ; ok
-p tcp -j REJECT --dport 5 ; -p tcp -m tcp --dport 5 -j REJECT --reject-with icmp-port-unreachable ; ok
-p tcp -j REJECT --dport 5 --reject-with tcp-reset ; -p tcp -m tcp --dport 5 -j REJECT --reject-with tcp-reset ; ok
--reject-with tcp-reset -p tcp -j REJECT ;  ; 1:1 unknown option '--reject-with'
-p tcp --dport 5 -m state --state NEW --sport 7 ; -p tcp -m tcp --sport 7 --dport 5 -m state --state NEW ; ok
-m state --s NEW ;  ; 1:10 '--s' may be --state or --set-counters
-p icmp --dport 5 ;  ; 1:9 --dport needs -p tcp
-p tcp --s 5 ;  ; 1:8 '--s' may be --set-counters or --source
-p tcp --source 1.1.1.1 ; -s 1.1.1.1/32 -p tcp ; ok
-p tcp --dst 1.1.1.1 --src 2.2.2.2 ; -s 2.2.2.2/32 -d 1.1.1.1/32 -p tcp ; ok
-p tcp --fragment ; -p tcp -f ; ok
--fragments ; -f ; ok
--in-interface a ; -i a ; ok
--in a ;  ; 1:1 '--in' may be --in-interface or --insert
--out-interface a ;  ; 1:1 -o cannot be asked in INPUT: where the packet goes is not known yet
--goto user ; -g user ; ok
--set-counters 1 2 ;  ; ok
-m state --state NEW -j ACCEPT --dport 5 -p tcp ;  ; 1:32 --dport needs -p tcp
-p icmp ; = ; ok
-s1.2.3.4 ;  ; 1:1 '-s1.2.3.4' has its value attached
--source=1.2.3.4 ;  ; 1:1 --source has its value attached
-mstate --state NEW ; -m state --state NEW ; ok
:user
-i a -o b ; = ; ok
-o lo+ ; = ; ok
*nat
:PREROUTING
-j DROP ;  ; 1:4 the nat table sees only the first packet of a flow: it does not filter
:POSTROUTING
-o eth0 -j ACCEPT ; = ; ok
*mangle
:POSTROUTING
-i eth0 ;  ; 1:1 -i cannot be asked in POSTROUTING: the packet leaves
:PREROUTING
-o eth0 ;  ; 1:1 -o cannot be asked in PREROUTING: where the packet goes is not known yet
*security
:INPUT
-j DROP ; = ; ok

family ipv6
*filter
:INPUT
-s fe80::1 ; -s fe80::1/128 ; ok
-s fe80::/10 -d ff02::c/128 ; = ; ok
-s ::/0 ;  ; ok
! -s ::/0 ; = ; ok
-s 2001:DB8::1/ffff:ffff:: ; -s 2001:db8::/32 ; ok
-s 2001:DB8::1/ffff::ffff ; -s 2001::1/ffff::ffff ; ok
-s 1.2.3.4 ;  ; 1:4 '1.2.3.4' is not an IPv6 address (names of hosts are not looked up)
-s ::1.2.3.4 ; -s ::1.2.3.4/128 ; ok
-s ::ffff:1.2.3.4 ; -s ::ffff:1.2.3.4/128 ; ok
-s 1:0:0:2:0:0:0:3 ; -s 1:0:0:2::3/128 ; ok
-s 1:0:2:2:3:4:5:6 ; -s 1:0:2:2:3:4:5:6/128 ; ok
-p icmpv6  ; -p ipv6-icmp ; ok
-p ipv6-icmp ; = ; ok
-p icmp ; = ; ok
-p mh ; -p mobility-header ; ok
-p 135 ; -p mobility-header ; ok
-p mobility-header ; = ; ok
-p hopopt ;  ; ok
-p 0 ;  ; ok
-p ipv6-frag ; = ; ok
-p ipv6-route ; = ; ok
-p ipv6-opts ; = ; ok
-p esp ; = ; ok
-p ipv6-nonxt ; = ; ok
-f ;  ; 1:1 -f is for IPv4 only
-s fe80::1%eth0 ;  ; 1:4 'fe80::1%eth0' is not an IPv6 address (names of hosts are not looked up)
-s fe80::1,fe80::2 ; -s fe80::1/128 && -s fe80::2/128 ; ok
-s 2001:db8:: -j ACCEPT ; -s 2001:db8::/128 -j ACCEPT ; ok
-s 2001:db8::/0x20 -j ACCEPT ; -s 2001:db8::/32 -j ACCEPT ; ok
-s 2001:db8::/129 -j ACCEPT ;  ; 1:4 '129' is neither a prefix length from 0 to 128 nor an IPv6 mask
-6 -p tcp ; -p tcp ; ok

# -j CT

family ipv4
*raw
:PREROUTING
-j CT ; = ; ok
-j CT --notrack ; = ; ok
-j CT --zone 5 ; = ; ok
-j CT --zone-orig 5 ; = ; ok
-j CT --zone-reply 5 ; = ; ok
-j CT --zone 65535 ; = ; ok
-j CT --zone 65536 ;  ; 1:14 --zone: '65536' is not a number from 0 to 65535, nor 'mark'
-j CT --zone 0 ; -j CT ; ok
-j CT --zone mark ; = ; ok
-j CT --zone-orig mark ; = ; ok
-j CT --zone 5 --zone-orig 6 ;  ; stricter 1:16 --zone-orig cannot stand beside --zone
-j CT --zone-orig 5 --zone-reply 6 ;  ; stricter 1:21 --zone-reply cannot stand beside --zone-orig
-j CT --zone 5 --notrack ; -j CT --notrack --zone 5 ; ok
-j CT --ctevents new,destroy ; = ; ok
-j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark ; = ; ok
-j CT --ctevents natseqinfo ; = ; ok
-j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark,label ;  ; 1:18 --ctevents: unknown event 'label'
-j CT --ctevents NEW ;  ; 1:18 --ctevents: unknown event 'NEW'; did you mean 'new'?
-j CT --ctevents bogus ;  ; 1:18 --ctevents: unknown event 'bogus'
-j CT --expevents new ; = ; ok
-j CT --expevents new --ctevents new --zone 4 ; -j CT --ctevents new --expevents new --zone 4 ; ok
-p tcp -j CT --helper ftp ; = ; ok
-p tcp -m tcp --dport 21 -j CT --helper ftp ; = ; ok
-p udp -j CT --helper tftp ; = ; ok
-p udp -j CT --helper netbios-ns ; = ; ok
-p tcp -j CT --helper ftp --zone 3 ; = ; ok
-p tcp -j CT --notrack --helper ftp ; = ; ok
-j CT --helper ftp ;  ; 1:4 -j CT: --helper needs -p PROTOCOL
! -p udp -j CT --helper tftp ;  ; 1:13 -j CT: --helper needs -p PROTOCOL
-p udp -j CT --helper ftp ;  ; 1:11 -j CT: helper ftp is not known to Sallyport for this protocol and family
-p tcp -j CT --helper nosuch ;  ; 1:11 -j CT: helper nosuch is not known to Sallyport for this protocol and family
-p tcp -j CT --helper FTP ;  ; 1:11 -j CT: helper FTP is not known to Sallyport for this protocol and family
-p tcp -j CT --helper sip ;  ; later 1:11 -j CT: helper sip is not known to Sallyport for this protocol and family
-p tcp -j CT --timeout foo ;  ; 1:11 -j CT: timeout policies are not known to Sallyport (foo)
-j CT --ctevents "" ;  ; 1:18 --ctevents: unknown event ''
-j CT --zone 0x5 ; -j CT --zone 5 ; ok
-j CT --zone-orig 0 ; -j CT ; ok
-j CT --notrack --zone-orig mark ; = ; ok
-j CT --zone mark --zone 3 ;  ; 1:19 --zone is given twice, or beside an option that says the same
-j CT --ctevents new,natseqinfo,secmark,mark,helper,protoinfo,assured,reply,related,destroy ; -j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark ; ok
:user
-j CT --zone 7 ; = ; ok
*filter
:INPUT
-j CT --zone 7 ;  ; 1:4 -j CT cannot stand in table filter

family ipv6
*raw
:PREROUTING
-j CT --zone 4 ; = ; ok
-p tcp -j CT --helper ftp ; = ; ok
-p udp -j CT --helper tftp ; = ; ok
-p udp -j CT --helper netbios-ns ;  ; 1:11 -j CT: helper netbios-ns is not known to Sallyport for this protocol and family

# -m tcp

family ipv4
*filter
:INPUT
-p tcp --tcp-flags ALL NONE ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE ; ok
-p tcp ! --tcp-flags SYN,FIN SYN,FIN ; -p tcp -m tcp ! --tcp-flags FIN,SYN FIN,SYN ; ok
-p tcp --tcp-flags SYN,FIN syn ; -p tcp -m tcp --tcp-flags FIN,SYN SYN ; ok
-p tcp --tcp-flags all,syn none ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE ; ok
-p tcp --tcp-flags SYN ;  ; 1:8 --tcp-flags needs a value
-p tcp --tcp-option 7 ; -p tcp -m tcp --tcp-option 7 ; ok
-p tcp ! --tcp-option 7 ; -p tcp -m tcp ! --tcp-option 7 ; ok
-p tcp --tcp-option 0 ;  ; 1:21 --tcp-option: '0' is not a number from 1 to 255
-p tcp --syn --dport 5 ! --sport 7 ; -p tcp -m tcp ! --sport 7 --dport 5 --tcp-flags FIN,SYN,RST,ACK SYN ; ok
-p tcp --dport 5 --dport 7 ;  ; 1:18 --dport is given twice, or beside an option that says the same
-p tcp --tcp-flags ALL ALL --syn ;  ; 1:28 --syn is given twice, or beside an option that says the same
-p tcp --dport=22 ; -p tcp -m tcp --dport 22 ; ok
-p tcp --tcp-flags SYN,FIN SY ;  ; 1:28 --tcp-flags: unknown TCP flag 'SY'

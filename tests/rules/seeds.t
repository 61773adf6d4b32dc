# The rules that the two threads quote that this project answers, with the addresses that the
# copies lost.

sets <<END
create upnp hash:ip,port family inet timeout 3
END
:OUTPUT
-d 239.255.255.250 -p udp -m udp --dport 1900 -j SET --add-set upnp src,src --exist ; -d 239.255.255.250/32 -p udp -m udp --dport 1900 -j SET --add-set upnp src,src --exist ; ok
-p udp --sport 1024:65535 --dport 53 -m state --state NEW,ESTABLISHED -j ACCEPT ; -p udp -m udp --sport 1024:65535 --dport 53 -m state --state NEW,ESTABLISHED -j ACCEPT ; ok
-p udp --sport 1024:65535 --dport 53  -j ACCEPT ; -p udp -m udp --sport 1024:65535 --dport 53 -j ACCEPT ; ok
-p tcp --sport 1024:65535 --dport 53  -j ACCEPT ; -p tcp -m tcp --sport 1024:65535 --dport 53 -j ACCEPT ; ok
:INPUT
-p udp -m set --match-set upnp dst,dst -j ACCEPT ; = ; ok
-p udp --sport 1900 -j ACCEPT ; -p udp -m udp --sport 1900 -j ACCEPT ; ok
-p udp --sport 53 --dport 1024:65535 -m state --state ESTABLISHED -j ACCEPT ; -p udp -m udp --sport 53 --dport 1024:65535 -m state --state ESTABLISHED -j ACCEPT ; ok
-m state --state ESTABLISHED,RELATED -j ACCEPT ; -m state --state RELATED,ESTABLISHED -j ACCEPT ; ok

# -j REJECT

family ipv4
*filter
:INPUT
-j REJECT ; -j REJECT --reject-with icmp-port-unreachable ; ok
-j REJECT --reject-with icmp-net-unreachable ; = ; ok
-j REJECT --reject-with net-unreach ; -j REJECT --reject-with icmp-net-unreachable ; ok
-j REJECT --reject-with host-unreach ; -j REJECT --reject-with icmp-host-unreachable ; ok
-j REJECT --reject-with icmp-host-unreachable ; = ; ok
-j REJECT --reject-with icmp-proto-unreachable ; = ; ok
-j REJECT --reject-with proto-unreach ; -j REJECT --reject-with icmp-proto-unreachable ; ok
-j REJECT --reject-with port-unreach ; -j REJECT --reject-with icmp-port-unreachable ; ok
-j REJECT --reject-with icmp-port-unreach ; -j REJECT --reject-with icmp-port-unreachable ; ok
-j REJECT --reject-with icmp-net-prohibited ; = ; ok
-j REJECT --reject-with net-prohib ; -j REJECT --reject-with icmp-net-prohibited ; ok
-j REJECT --reject-with host-prohib ; -j REJECT --reject-with icmp-host-prohibited ; ok
-j REJECT --reject-with icmp-host-prohibited ; = ; ok
-j REJECT --reject-with icmp-admin-prohibited ; = ; ok
-j REJECT --reject-with admin-prohib ; -j REJECT --reject-with icmp-admin-prohibited ; ok
-p tcp -j REJECT --reject-with tcp-reset ; = ; ok
-p tcp -j REJECT --reject-with tcp ; -p tcp -j REJECT --reject-with tcp-reset ; ok
-j REJECT --reject-with icmp ; -j REJECT --reject-with icmp-net-unreachable ; ok
-j REJECT --reject-with icmp-h ; -j REJECT --reject-with icmp-host-unreachable ; ok
-j REJECT --reject-with ICMP-HOST-UNREACHABLE ; -j REJECT --reject-with icmp-host-unreachable ; ok
! -p tcp -j REJECT --reject-with tcp-reset ;  ; 1:13 -j REJECT: tcp-reset needs -p tcp
-j REJECT --reject-with echo-reply ;  ; 1:25 --reject-with: unknown answer 'echo-reply'
-j REJECT --reject-with bogus ;  ; 1:25 --reject-with: unknown answer 'bogus'
-j REJECT ! --reject-with icmp-host-prohibited ;  ; 1:11 --reject-with cannot be negated
:user
-p tcp -j REJECT --reject-with tcp-reset ; = ; ok
-j REJECT ; -j REJECT --reject-with icmp-port-unreachable ; ok
*nat
:PREROUTING
-j REJECT ;  ; 1:4 -j REJECT cannot stand in table nat
*security
:INPUT
-j REJECT ;  ; 1:4 -j REJECT cannot stand in table security

family ipv6
*filter
:INPUT
-j REJECT ; -j REJECT --reject-with icmp6-port-unreachable ; ok
-j REJECT --reject-with icmp6-no-route ; = ; ok
-j REJECT --reject-with no-route ; -j REJECT --reject-with icmp6-no-route ; ok
-j REJECT --reject-with icmp6-adm-prohibited ; = ; ok
-j REJECT --reject-with adm-prohibited ; -j REJECT --reject-with icmp6-adm-prohibited ; ok
-j REJECT --reject-with icmp6-addr-unreachable ; = ; ok
-j REJECT --reject-with addr-unreach ; -j REJECT --reject-with icmp6-addr-unreachable ; ok
-j REJECT --reject-with icmp6-port-unreachable ; = ; ok
-j REJECT --reject-with policy-fail ; -j REJECT --reject-with icmp6-policy-fail ; ok
-j REJECT --reject-with icmp6-policy-fail ; = ; ok
-j REJECT --reject-with reject-route ; -j REJECT --reject-with icmp6-reject-route ; ok
-j REJECT --reject-with icmp6-reject-route ; = ; ok
-p tcp -j REJECT --reject-with tcp-reset ; = ; ok
-j REJECT --reject-with icmp-port-unreachable ;  ; 1:25 --reject-with: unknown answer 'icmp-port-unreachable'; did you mean 'icmp6-port-unreachable'?
-p tcp -j REJECT --reject-with tcp ; -p tcp -j REJECT --reject-with tcp-reset ; ok
-j REJECT --reject-with icmp6 ; -j REJECT --reject-with icmp6-no-route ; ok

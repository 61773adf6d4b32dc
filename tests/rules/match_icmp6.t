# -m icmp6

family ipv6
*filter
:INPUT
-p icmpv6 --icmpv6-type 128 ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; ok
-p icmpv6 -m icmp6 --icmpv6-type echo-request ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; ok
-p icmpv6 -m icmpv6 --icmpv6-type ping ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; ok
-p icmpv6 ! --icmpv6-type 1/4 ; -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4 ; ok
-p icmpv6 --icmpv6-type any ;  ; 1:25 --icmpv6-type: unknown ICMP type 'any'
-p icmpv6 --icmpv6-type 255 ; -p ipv6-icmp -m icmp6 --icmpv6-type 255 ; ok
-m icmp6 --icmpv6-type 1 ;  ; 1:4 -m icmp6 needs -p ipv6-icmp
-p icmpv6 --icmpv6-type 130/0 ; -p ipv6-icmp -m icmp6 --icmpv6-type 130/0 ; ok
-p tcp -m icmp6 --icmpv6-type 1 ;  ; 1:11 -m icmp6 needs -p ipv6-icmp
-p icmpv6 --icmpv6-type 1/5 ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/5 ; ok
-p icmpv6 --icmpv6-type neighbor-s ; -p ipv6-icmp -m icmp6 --icmpv6-type 135 ; ok
-p icmpv6 --icmpv6-type destination-unreachable ; -p ipv6-icmp -m icmp6 --icmpv6-type 1 ; ok
-p icmpv6 --icmpv6-type no-route ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/0 ; ok
-p icmpv6 --icmpv6-type communication-prohibited ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/1 ; ok
-p icmpv6 --icmpv6-type beyond-scope ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/2 ; ok
-p icmpv6 --icmpv6-type address-unreachable ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/3 ; ok
-p icmpv6 --icmpv6-type port-unreachable ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/4 ; ok
-p icmpv6 --icmpv6-type failed-policy ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/5 ; ok
-p icmpv6 --icmpv6-type reject-route ; -p ipv6-icmp -m icmp6 --icmpv6-type 1/6 ; ok
-p icmpv6 --icmpv6-type packet-too-big ; -p ipv6-icmp -m icmp6 --icmpv6-type 2 ; ok
-p icmpv6 --icmpv6-type time-exceeded ; -p ipv6-icmp -m icmp6 --icmpv6-type 3 ; ok
-p icmpv6 --icmpv6-type ttl-exceeded ; -p ipv6-icmp -m icmp6 --icmpv6-type 3 ; ok
-p icmpv6 --icmpv6-type ttl-zero-during-transit ; -p ipv6-icmp -m icmp6 --icmpv6-type 3/0 ; ok
-p icmpv6 --icmpv6-type ttl-zero-during-reassembly ; -p ipv6-icmp -m icmp6 --icmpv6-type 3/1 ; ok
-p icmpv6 --icmpv6-type parameter-problem ; -p ipv6-icmp -m icmp6 --icmpv6-type 4 ; ok
-p icmpv6 --icmpv6-type bad-header ; -p ipv6-icmp -m icmp6 --icmpv6-type 4/0 ; ok
-p icmpv6 --icmpv6-type unknown-header-type ; -p ipv6-icmp -m icmp6 --icmpv6-type 4/1 ; ok
-p icmpv6 --icmpv6-type unknown-option ; -p ipv6-icmp -m icmp6 --icmpv6-type 4/2 ; ok
-p icmpv6 --icmpv6-type echo-request ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; ok
-p icmpv6 --icmpv6-type ping ; -p ipv6-icmp -m icmp6 --icmpv6-type 128 ; ok
-p icmpv6 --icmpv6-type echo-reply ; -p ipv6-icmp -m icmp6 --icmpv6-type 129 ; ok
-p icmpv6 --icmpv6-type pong ; -p ipv6-icmp -m icmp6 --icmpv6-type 129 ; ok
-p icmpv6 --icmpv6-type router-solicitation ; -p ipv6-icmp -m icmp6 --icmpv6-type 133 ; ok
-p icmpv6 --icmpv6-type router-advertisement ; -p ipv6-icmp -m icmp6 --icmpv6-type 134 ; ok
-p icmpv6 --icmpv6-type neighbour-solicitation ; -p ipv6-icmp -m icmp6 --icmpv6-type 135 ; ok
-p icmpv6 --icmpv6-type neighbor-solicitation ; -p ipv6-icmp -m icmp6 --icmpv6-type 135 ; ok
-p icmpv6 --icmpv6-type neighbour-advertisement ; -p ipv6-icmp -m icmp6 --icmpv6-type 136 ; ok
-p icmpv6 --icmpv6-type neighbor-advertisement ; -p ipv6-icmp -m icmp6 --icmpv6-type 136 ; ok
-p icmpv6 --icmpv6-type redirect ; -p ipv6-icmp -m icmp6 --icmpv6-type 137 ; ok

# -m limit

family ipv4
*filter
:INPUT
-m limit ; -m limit --limit 3/hour ; ok
-m limit --limit 5/sec ; = ; ok
-m limit --limit 5/minute --limit-burst 7 ; -m limit --limit 5/min --limit-burst 7 ; ok
-m limit --limit 3/h ; -m limit --limit 3/hour ; ok
-m limit --limit 60/min ; -m limit --limit 1/sec ; ok
-m limit --limit 120/min ; -m limit --limit 2/sec ; ok
-m limit --limit 7/min ; = ; ok
-m limit --limit 10000/s ; -m limit --limit 10000/sec ; ok
-m limit --limit 10001/s ;  ; 1:18 --limit: 10001/s is faster than 10000/second
-m limit --limit 3000/s ; -m limit --limit 3333/sec ; ok
-m limit --limit 1/day ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 0/day ;  ; 1:18 --limit: '0/day' is not a rate like 5/second, 10/minute, 3/hour or 1/day
-m limit --limit 5 ; -m limit --limit 5/sec ; ok
-m limit --limit 5/x ;  ; 1:18 --limit: '5/x' is not a rate like 5/second, 10/minute, 3/hour or 1/day
-m limit --limit 5/second --limit-burst 0 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 5/second --limit-burst 10001 ;  ; 1:41 --limit-burst: '10001' is not a number from 0 to 10000
-m limit --limit 5/second --limit-burst 10000 ; -m limit --limit 5/sec --limit-burst 10000 ; ok
-m limit ! --limit 5/second ;  ; 1:10 --limit cannot be negated
-m limit --limit 1/day --limit-burst 100 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit-burst 7 ; -m limit --limit 3/hour --limit-burst 7 ; ok
-m limit --limit 5/s --limit-burst 5 ; -m limit --limit 5/sec ; ok
-m limit --limit 2/hour ; = ; ok
-m limit --limit 1/hour --limit-burst 119 ; = ; ok
-m limit --limit 1/hour --limit-burst 120 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 2/day --limit-burst 9 ; = ; ok
-m limit --limit 2/day --limit-burst 10 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 1/day --limit-burst 1 ; = ; ok
-m limit --limit 1/day --limit-burst 2 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 1/day --limit-burst 3 ; = ; ok
-m limit --limit 1/day --limit-burst 4 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 3/day --limit-burst 13 ; = ; ok
-m limit --limit 3/day --limit-burst 14 ;  ; 1:4 -m limit: the kernel cannot count this burst of this rate
-m limit --limit 1000/s ; -m limit --limit 1000/sec ; ok
-m limit --limit 6000/s ; -m limit --limit 10000/sec ; ok
-m limit --limit 90/min ; = ; ok
-m limit --limit 600000/min ; -m limit --limit 10000/sec ; ok
-m limit --limit 4828/min ; -m limit --limit 80/sec ; ok
-m limit --limit 15001/hour ; -m limit --limit 250/min ; ok
-m limit --limit 1/SEC ; -m limit --limit 1/sec ; ok
-m limit --limit 1/secondx ;  ; 1:18 --limit: '1/secondx' is not a rate like 5/second, 10/minute, 3/hour or 1/day
-m limit --limit 1/ ;  ; 1:18 --limit: '1/' is not a rate like 5/second, 10/minute, 3/hour or 1/day
-m limit --limit 1/m ; -m limit --limit 1/min ; ok
-m limit --limit 1441/day --limit-burst 1 ; = ; ok
-m limit --limit 0x5/sec ;  ; 1:18 --limit: '0x5/sec' is not a rate like 5/second, 10/minute, 3/hour or 1/day
-m limit --limit +5/sec ; -m limit --limit 5/sec ; ok
-m limit --limit 5sec ; -m limit --limit 5/sec ; ok

family ipv6
*filter
:INPUT
-m limit --limit 1/s -m length --length 1:99 -m mark --mark 1 -m connmark --mark 2 -m comment --comment x ; -m limit --limit 1/sec -m length --length 1:99 -m mark --mark 0x1 -m connmark --mark 0x2 -m comment --comment x ; ok

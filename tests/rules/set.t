# -m set and -j SET.
sets <<END
create h hash:ip timeout 9 counters
create p hash:ip,port
create six hash:ip family inet6
create b bitmap:port range 0-100
create l list:set
add l h
add l six
END
-m set --match-set h src ; = ; ok
-m set ! --match-set h src ; = ; ok
-m set --set h src ; -m set --match-set h src ; ok
-m set ! --set h src,dst ; -m set ! --match-set h src,dst ; ok
-m set --match-set p src,dst -j DROP ; = ; ok
-m set --match-set p src ; = ; ok
-m set --match-set b dst ; = ; ok
-m set --match-set l src,dst,dst,src,src,src ; = ; ok
-m set --match-set h src -m set --match-set h dst ; = ; ok
-m set --match-set h src --return-nomatch ; = ; ok
-m set --return-nomatch --match-set h src ; -m set --match-set h src --return-nomatch ; ok
-m set --match-set h src ! --update-counters ; = ; ok
-m set --match-set h src ! --update-subcounters ; = ; ok
-m set --match-set h src --update-counters --update-subcounters ; -m set --match-set h src ; ok
-m set --match-set h src --packets-eq 5 ; = ; ok
-m set --match-set h src ! --packets-eq 5 ; = ; ok
-m set --match-set h src --packets-lt 5 ; = ; ok
-m set --match-set h src --packets-gt 0x5 ; -m set --match-set h src --packets-gt 5 ; ok
-m set ! --match-set h src ! --bytes-eq 6 --packets-lt 5 ; -m set ! --match-set h src --packets-lt 5 ! --bytes-eq 6 ; ok
-m set --match-set h src --return-nomatch ! --update-counters ! --update-subcounters --bytes-gt 18446744073709551615 ; = ; ok
-j SET --add-set h src ; = ; ok
-j SET --add-set l src,src --exist ; = ; ok
-j SET --del-set p src,dst --add-set h dst --timeout 5 --exist ; -j SET --add-set h dst --exist --timeout 5 --del-set p src,dst ; ok
-j SET --add-set h src --timeout 4294967294 ; = ; ok
-m set ; ; 1:4 -m set: --match-set is missing
-m set --packets-gt 5 ; ; 1:4 -m set: --match-set is missing
-m set --match-set nosuch src ; ; 1:4 -m set: there is no set named 'nosuch'
-m set --match-set six src ; ; 1:4 -m set: the set 'six' is of family inet6
-m set --match-set h Src ; ; 1:22 --match-set: 'Src': directions are src or dst, with commas between them
-m set --match-set h src, ; ; 1:22 --match-set: 'src,': directions are src or dst, with commas between them
-m set --match-set h ; ; 1:8 --match-set needs a value
-m set --match-set l src,dst,src,dst,src,dst,src ; ; 1:22 --match-set: a set has at most 6 directions
-m set --match-set aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa src ; ; 1:53 --match-set: a set's name has 1 to 31 characters
-m set --match-set h src --match-set h dst ; ; 1:26 --match-set is given twice, or beside an option that says the same
-m set --match-set h src ! --return-nomatch ; ; 1:26 --return-nomatch cannot be negated
-m set --match-set h src ! --packets-gt 5 ; ; 1:26 --packets-gt cannot be negated
-m set --match-set h src --packets-gt 5 --packets-lt 9 ; ; 1:41 --packets-lt cannot stand beside --packets-gt
-m set --match-set h src --packets-gt 18446744073709551616 ; ; 1:39 --packets-gt: '18446744073709551616' is not a number from 0 to 18446744073709551615
-m set --match-set h src --packets-gt x ; ; 1:39 --packets-gt: 'x' is not a number from 0 to 18446744073709551615
-j SET ; ; 1:4 -j SET: --add-set or --del-set is missing
-j SET --exist ; ; 1:4 -j SET: --add-set or --del-set is missing
-j SET --timeout 5 ; ; 1:4 -j SET: --add-set or --del-set is missing
-j SET --del-set h src --exist ; ; 1:4 -j SET: --exist goes with --add-set only
-j SET --add-set six src ; ; 1:4 -j SET: the set 'six' is of family inet6
-j SET --add-set nosuch src ; ; 1:4 -j SET: there is no set named 'nosuch'
-j SET --add-set h src --add-set h dst ; ; 1:24 --add-set is given twice, or beside an option that says the same
-j SET --add-set h src --timeout 4294967295 ; ; 1:34 --timeout: '4294967295' is not a number from 0 to 4294967294
-j SET --map-set h src --map-mark ; ; 1:20 --map-set: not supported here: sets with skbinfo are not
family ipv6
-m set --match-set six src ; = ; ok
-m set --match-set l src ; = ; ok
-m set --match-set b src ; = ; ok
-m set --match-set h src ; ; 1:4 -m set: the set 'h' is of family inet

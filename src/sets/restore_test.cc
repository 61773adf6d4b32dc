// The texts of ipset: each line of these tables was tried with ipset 7.17, whose
// answer is the expected one. tests/kernel/sets asks it again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr Tick kNow = 1000;

struct Restored {
  explicit Restored(std::string_view text) : store(make_hash_key(1)) {
    fine = store.restore(text, kNow, diagnostics);
  }
  std::string errors(std::string_view text) const { return diagnostics.render("sets", text); }

  SetStore store;
  Diagnostics diagnostics;
  bool fine;
};

struct Case {
  const char* text;
  const char* saved;  // without the "create" lines' defaults, see short_form()
};

// Leaves out what every create line has.
std::string short_form(std::string text) {
  for (std::string_view usual : {" family inet hashsize 1024 maxelem 65536", " bucketsize 12"}) {
    for (size_t at; (at = text.find(usual)) != std::string::npos;) text.erase(at, usual.size());
  }
  return text;
}

TEST(Restore, PrintsAsIpsetSaves) {
  const Case kCases[] = {
      // Options of sets.
      {"create a hash:ip", "create a hash:ip\n"},
      {"create a hash:ip hashsize 65 maxelem 5 bucketsize 3 initval 0x5",
       "create a hash:ip family inet hashsize 128 maxelem 5 bucketsize 4 initval 0x00000005\n"},
      {"create a hash:ip hashsize 1 bucketsize 100",
       "create a hash:ip family inet hashsize 64 maxelem 65536\n"},
      {"create a hash:ip netmask 24 timeout 9 counters comment forceadd family ipv4 gc 4",
       "create a hash:ip netmask 24 timeout 9 counters comment\n"},
      {"create a hash:ip,port netmask 24 timeout 9",
       "create a hash:ip,port timeout 9 netmask 24\n"},
      {"create a hash:ip netmask 32", "create a hash:ip\n"},
      {"create a hash:net -6", "create a hash:net family inet6 hashsize 1024 maxelem 65536\n"},
      {"create a bitmap:port range http-ssh", "create a bitmap:port range 22-80\n"},
      {"create a portmap --from 1 --to 5", "create a bitmap:port range 1-5\n"},
      {"create a list:set size 0 comment", "create a list:set size 4 comment\n"},
      // Elements.
      {"create a hash:ip\nadd a 10.0.0.0/30\nadd a 9.0.0.2-9.0.0.1",
       "create a hash:ip\nadd a 9.0.0.1\nadd a 9.0.0.2\nadd a 10.0.0.0\nadd a 10.0.0.1\n"
       "add a 10.0.0.2\nadd a 10.0.0.3\n"},
      {"create a hash:ip netmask 24\nadd a 1.2.3.4\nadd a 1.2.5.0-1.2.6.255",
       "create a hash:ip netmask 24\nadd a 1.2.3.0\nadd a 1.2.5.0\nadd a 1.2.6.0\n"},
      {"create a hash:net\nadd a 10.0.0.1-10.0.0.9\nadd a 10.0.0.7/8 nomatch",
       "create a hash:net\nadd a 10.0.0.0/8 nomatch\nadd a 10.0.0.1\nadd a 10.0.0.2/31\n"
       "add a 10.0.0.4/30\nadd a 10.0.0.8/31\n"},
      {"create a hash:net\nadd a 9.0.0.0/8\nadd a 9.0.0.0/24\nadd a 9.0.0.0/32\nadd a 0.0.0.0/1",
       "create a hash:net\nadd a 0.0.0.0/1\nadd a 9.0.0.0\nadd a 9.0.0.0/24\nadd a 9.0.0.0/8\n"},
      {"create a hash:ip,port\nadd a 1.2.3.4,80\nadd a 1.2.3.4,udp:domain\nadd a "
       "1.2.3.4,icmp:ping\n"
       "add a 1.2.3.4,icmp:8/1\nadd a 1.2.3.4,41:0\nadd a 1.2.3.4,sctp:2-1\nadd a 1.2.3.4,33:0",
       "create a hash:ip,port\nadd a 1.2.3.4,icmp:echo-request\nadd a 1.2.3.4,icmp:8/1\n"
       "add a 1.2.3.4,tcp:80\nadd a 1.2.3.4,udp:53\nadd a 1.2.3.4,dccp:0\nadd a 1.2.3.4,ipv6:0\n"
       "add a 1.2.3.4,sctp:1\nadd a 1.2.3.4,sctp:2\n"},
      {"create a hash:ip,port\nadd a 1.2.3.4,tcp:0x50\nadd a [1.2.3.5],UDP:010",
       "create a hash:ip,port\nadd a 1.2.3.4,tcp:80\nadd a 1.2.3.5,udp:8\n"},
      {"create a hash:net,port\nadd a 1.2.3.4/24,80-81 nomatch\nadd a 1.2.3.4-1.2.3.9,udp:5",
       "create a hash:net,port\nadd a 1.2.3.0/24,tcp:80 nomatch\nadd a 1.2.3.0/24,tcp:81 nomatch\n"
       "add a 1.2.3.4/30,udp:5\nadd a 1.2.3.8/31,udp:5\n"},
      {"create a bitmap:port range 0-1024\nadd a 13-12\nadd a http\nadd a udp:53",
       "create a bitmap:port range 0-1024\nadd a 12\nadd a 13\nadd a 53\nadd a 80\n"},
      {"create a hash:ip timeout 5 counters comment\n"
       "add a 1.2.3.4 comment \"two words\" timeout 3 packets 0x10 bytes 7\nadd a 1.2.3.5 timeout "
       "0",
       "create a hash:ip timeout 5 counters comment\n"
       "add a 1.2.3.4 timeout 3 packets 16 bytes 7 comment \"two words\"\n"
       "add a 1.2.3.5 timeout 0 packets 0 bytes 0\n"},
      {"create a hash:net timeout 5 counters comment\nadd a 1.2.3.4 nomatch comment ab\"c d\"e",
       "create a hash:net timeout 5 counters comment\n"
       "add a 1.2.3.4 timeout 5 nomatch packets 0 bytes 0 comment \"abc de\"\n"},
      // -exist refreshes: what is not given keeps its value, except timeout, comment, nomatch.
      {"create a hash:ip counters timeout 100 comment\n"
       "add a 1.1.1.1 packets 5 bytes 1000 comment hey timeout 50\nadd a 1.1.1.1 -exist",
       "create a hash:ip timeout 100 counters comment\n"
       "add a 1.1.1.1 timeout 100 packets 5 bytes 1000\n"},
      {"create a hash:net\nadd a 1.1.1.1 nomatch\nadd -! a 1.1.1.1\ndel a 2.2.2.2 -exist",
       "create a hash:net\nadd a 1.1.1.1\n"},
      {"create a hash:ip\ncreate a hash:ip -exist\n", "create a hash:ip\n"},
      // Lists: in their order, after all other sets.
      {"create l list:set\ncreate x hash:ip\ncreate y hash:ip\ncreate z hash:ip\nadd l x\nadd l z\n"
       "add l y before z\ndel l x\nadd l x after y",
       "create x hash:ip\ncreate y hash:ip\ncreate z hash:ip\ncreate l list:set size 8\nadd l y\n"
       "add l x\nadd l z\n"},
      {"create x hash:ip\ncreate y hash:ip\ncreate l list:set timeout 10 counters\n"
       "add l x packets 4\nadd l y timeout 0\nadd l y before x timeout 5 -exist",
       "create x hash:ip\ncreate y hash:ip\ncreate l list:set size 8 timeout 10 counters\n"
       "add l x timeout 10 packets 4 bytes 0\nadd l y timeout 5 packets 0 bytes 0\n"},
      // Sets as a whole; a free slot is used again.
      {"create x hash:ip\ncreate y hash:ip\ndestroy x\ncreate c hash:ip",
       "create c hash:ip\ncreate y hash:ip\n"},
      {"create a hash:ip\nadd a 1.2.3.4\ncreate b hash:ip\nadd b 1.2.3.5\nswap a b\nadd a 1.2.3.6",
       "create a hash:ip\nadd a 1.2.3.5\nadd a 1.2.3.6\ncreate b hash:ip\nadd b 1.2.3.4\n"},
      {"create a hash:ip\nadd a 1.2.3.4\nflush a\nrename a c\nadd c 5.5.5.5",
       "create c hash:ip\nadd c 5.5.5.5\n"},
      {"create l list:set\ncreate x hash:ip\nadd l x\nflush l\ndestroy x",
       "create l list:set size 8\n"},
      {"create a hash:ip\nadd a 1.1.1.1\nflush\ndestroy", ""},
      {"COMMIT\n# a comment\n\n -N a iphash\n-A a 1.2.3.4\ntest a 1.2.3.4\n-D a 1.2.3.4\nquit\n",
       "create a hash:ip\n"},
  };
  for (const Case& c : kCases) {
    Restored restored(c.text);
    EXPECT_TRUE(restored.fine) << restored.errors(c.text);
    std::string saved = restored.store.save(kNow);
    EXPECT_EQ(short_form(saved), c.saved) << c.text;
    Restored again(saved);
    EXPECT_TRUE(again.fine) << again.errors(saved);
    EXPECT_EQ(again.store.save(kNow), saved);
  }
}

// What ipset 7.17 prints for each type and code from 0 to 18 and 127 to 149; all others are
// numbers.
TEST(Restore, IcmpCodesHaveIpsetsNames) {
  constexpr std::string_view kNames[][2] = {
      {"1.2.3.4,icmp:0/0", "1.2.3.4,icmp:echo-reply"},
      {"1.2.3.4,icmp:3/0", "1.2.3.4,icmp:network-unreachable"},
      {"1.2.3.4,icmp:3/1", "1.2.3.4,icmp:host-unreachable"},
      {"1.2.3.4,icmp:3/2", "1.2.3.4,icmp:protocol-unreachable"},
      {"1.2.3.4,icmp:3/3", "1.2.3.4,icmp:port-unreachable"},
      {"1.2.3.4,icmp:3/4", "1.2.3.4,icmp:fragmentation-needed"},
      {"1.2.3.4,icmp:3/5", "1.2.3.4,icmp:source-route-failed"},
      {"1.2.3.4,icmp:3/6", "1.2.3.4,icmp:network-unknown"},
      {"1.2.3.4,icmp:3/7", "1.2.3.4,icmp:host-unknown"},
      {"1.2.3.4,icmp:3/9", "1.2.3.4,icmp:network-prohibited"},
      {"1.2.3.4,icmp:3/10", "1.2.3.4,icmp:host-prohibited"},
      {"1.2.3.4,icmp:3/11", "1.2.3.4,icmp:TOS-network-unreachable"},
      {"1.2.3.4,icmp:3/12", "1.2.3.4,icmp:TOS-host-unreachable"},
      {"1.2.3.4,icmp:3/13", "1.2.3.4,icmp:communication-prohibited"},
      {"1.2.3.4,icmp:3/14", "1.2.3.4,icmp:host-precedence-violation"},
      {"1.2.3.4,icmp:3/15", "1.2.3.4,icmp:precedence-cutoff"},
      {"1.2.3.4,icmp:4/0", "1.2.3.4,icmp:source-quench"},
      {"1.2.3.4,icmp:5/0", "1.2.3.4,icmp:network-redirect"},
      {"1.2.3.4,icmp:5/1", "1.2.3.4,icmp:host-redirect"},
      {"1.2.3.4,icmp:5/2", "1.2.3.4,icmp:TOS-network-redirect"},
      {"1.2.3.4,icmp:5/3", "1.2.3.4,icmp:TOS-host-redirect"},
      {"1.2.3.4,icmp:8/0", "1.2.3.4,icmp:echo-request"},
      {"1.2.3.4,icmp:9/0", "1.2.3.4,icmp:router-advertisement"},
      {"1.2.3.4,icmp:10/0", "1.2.3.4,icmp:router-solicitation"},
      {"1.2.3.4,icmp:11/0", "1.2.3.4,icmp:ttl-zero-during-transit"},
      {"1.2.3.4,icmp:11/1", "1.2.3.4,icmp:ttl-zero-during-reassembly"},
      {"1.2.3.4,icmp:12/0", "1.2.3.4,icmp:ip-header-bad"},
      {"1.2.3.4,icmp:12/1", "1.2.3.4,icmp:required-option-missing"},
      {"1.2.3.4,icmp:13/0", "1.2.3.4,icmp:timestamp-request"},
      {"1.2.3.4,icmp:14/0", "1.2.3.4,icmp:timestamp-reply"},
      {"1.2.3.4,icmp:17/0", "1.2.3.4,icmp:address-mask-request"},
      {"1.2.3.4,icmp:18/0", "1.2.3.4,icmp:address-mask-reply"},
      {"::1,icmpv6:1/0", "::1,ipv6-icmp:no-route"},
      {"::1,icmpv6:1/1", "::1,ipv6-icmp:communication-prohibited"},
      {"::1,icmpv6:1/3", "::1,ipv6-icmp:address-unreachable"},
      {"::1,icmpv6:1/4", "::1,ipv6-icmp:port-unreachable"},
      {"::1,icmpv6:2/0", "::1,ipv6-icmp:packet-too-big"},
      {"::1,icmpv6:3/0", "::1,ipv6-icmp:ttl-zero-during-transit"},
      {"::1,icmpv6:3/1", "::1,ipv6-icmp:ttl-zero-during-reassembly"},
      {"::1,icmpv6:4/0", "::1,ipv6-icmp:bad-header"},
      {"::1,icmpv6:4/1", "::1,ipv6-icmp:unknown-header-type"},
      {"::1,icmpv6:4/2", "::1,ipv6-icmp:unknown-option"},
      {"::1,icmpv6:128/0", "::1,ipv6-icmp:echo-request"},
      {"::1,icmpv6:129/0", "::1,ipv6-icmp:echo-reply"},
      {"::1,icmpv6:133/0", "::1,ipv6-icmp:router-solicitation"},
      {"::1,icmpv6:134/0", "::1,ipv6-icmp:router-advertisement"},
      {"::1,icmpv6:135/0", "::1,ipv6-icmp:neighbour-solicitation"},
      {"::1,icmpv6:136/0", "::1,ipv6-icmp:neighbour-advertisement"},
      {"::1,icmpv6:137/0", "::1,ipv6-icmp:redirect"},
  };
  for (const auto& [code, name] : kNames) {
    std::string family = code.starts_with(':') ? " family inet6" : "";
    Restored loaded(fmt::format("create a hash:ip,port{}\nadd a {}\n", family, code));
    std::string saved = loaded.store.save(kNow);
    EXPECT_EQ(saved.substr(saved.find("add a ")), fmt::format("add a {}\n", name));
  }
}

TEST(Restore, TakesIpv6) {
  Restored restored(
      "create a hash:ip,port family inet6\nadd a ::1,icmpv6:ping\nadd a [::1],80\nadd a ::2,47:0\n"
      "create n hash:net family inet6\nadd n 2001:DB8::1/32\nadd n ::/64\n"
      "create i hash:ip family inet6 netmask 64\nadd i 2001:db8::1/128\n");
  EXPECT_TRUE(restored.fine);
  EXPECT_EQ(restored.store.save(kNow),
            "create a hash:ip,port family inet6 hashsize 1024 maxelem 65536 bucketsize 12\n"
            "add a ::1,tcp:80\nadd a ::1,ipv6-icmp:echo-request\nadd a ::2,gre:0\n"
            "create n hash:net family inet6 hashsize 1024 maxelem 65536 bucketsize 12\n"
            "add n ::/64\nadd n 2001:db8::/32\n"
            "create i hash:ip family inet6 hashsize 1024 maxelem 65536 netmask 64 bucketsize 12\n"
            "add i 2001:db8::\n");
}

TEST(Restore, RefusesAndPoints) {
  struct Refused {
    const char* text;
    const char* error;  // "LINE:COLUMN: what"
  };
  const Refused kCases[] = {
      {"create a hash:foo", "1:10: unknown set type 'hash:foo'"},
      {"create a hash:mac", "1:10: the set type hash:mac is not supported"},
      {"create a hash:ip skbinfo", "1:18: the option skbinfo is not supported"},
      {"create a hash:ip\nadd a 1.2.3.4 skbmark 0x1", "2:15: the option skbmark is not supported"},
      {"create a hash:net netmask 24", "1:19: hash:net has no option 'netmask'"},
      {"create a hash:ip netmask 33", "1:26: 33 is out of the range 1-32"},
      {"create a hash:ip maxelem x", "1:26: 'x' is not a number"},
      {"create a hash:ip maxelem", "1:18: maxelem needs a value"},
      {"create a hash:ip maxelem 5 maxelem 6", "1:28: maxelem is given twice"},
      {"create a hash:ip timeout 2147484", "1:26: 2147484 is out of the range 0-2147483"},
      {"create a hash:ip family inet7", "1:25: unknown family 'inet7'"},
      {"create a bitmap:port", "1:10: bitmap:port needs a range"},
      {"create a bitmap:port range 5", "1:28: a range is FROM-TO"},
      {"create a", "1:8: create needs a name and a type"},
      {"foo a", "1:1: unknown command 'foo'"},
      {"create aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa hash:ip",
       "1:8: a set's name has 1 to 31 characters"},
      {"create \"a b\" hash:ip", "1:8: a set's name has no blanks or control characters"},
      {"create a hash:ip\ncreate a hash:net -exist", "2:8: a set named 'a' exists already"},
      {"add nosuch 1.2.3.4", "1:5: there is no set named 'nosuch'"},
      {"create a hash:ip\nadd a 1.2.3.4,80", "2:14: too many parts for an element of hash:ip"},
      {"create a hash:ip\nadd a ::1", "2:7: '::1' is not an address of this set's family, inet"},
      {"create a hash:ip\nadd a host", "2:7: cannot parse 'host' as an address"},
      {"create a hash:ip\nadd a 0.0.0.0",
       "2:7: the address of only zeroes cannot be stored in a set of this type"},
      {"create a hash:net\nadd a 1.2.3.4/0", "2:7: a prefix length of 0 cannot be stored"},
      {"create a hash:net\nadd a 1.2.3.4/33", "2:15: 33 is out of the range 0-32"},
      {"create a hash:net\nadd a 0.0.0.0-255.255.255.255", "2:7: the range covers all addresses"},
      {"create a hash:net family inet6\nadd a ::1-::2", "2:7: IPv6 has no ranges of addresses"},
      {"create a hash:ip family inet6\nadd a ::/64",
       "2:7: hash:ip takes single IPv6 addresses only"},
      {"create a hash:ip,port\nadd a 1.2.3.4", "2:7: hash:ip,port needs ADDRESS,PORT"},
      {"create a hash:ip,port\nadd a 1.2.3.4,foo:80", "2:15: cannot parse 'foo' as a protocol"},
      {"create a hash:ip,port\nadd a 1.2.3.4,gre:5", "2:19: protocol gre has no ports"},
      {"create a hash:ip,port\nadd a 1.2.3.4,tcp:65536", "2:19: 65536 is out of the range 0-65535"},
      {"create a hash:ip,port\nadd a 1.2.3.4,80-x", "2:18: cannot parse 'x' as a tcp port"},
      {"create a hash:ip,port\nadd a 1.2.3.4,icmp:8",
       "2:20: cannot parse '8' as an ICMP type and code"},
      {"create a hash:ip,port\nadd a 1.2.3.4,icmpv6:1/1",
       "2:15: ipv6-icmp is not a protocol of this set's family"},
      {"create a bitmap:port range 10-20\nadd a 9-12",
       "2:7: '9-12' is out of the set's range 10-20"},
      {"create a hash:ip\nadd a 1.2.3.4\nadd a 1.2.3.4", "3:7: '1.2.3.4' is in the set already"},
      {"create a hash:ip\ndel a 1.2.3.4", "2:7: '1.2.3.4' is not in the set"},
      {"create a hash:ip maxelem 2\nadd a 1.2.3.4/30", "2:7: the set is full: maxelem is 2"},
      {"create a hash:ip\nadd a 1.2.3.4 timeout 4", "2:15: the set was created without timeouts"},
      {"create a hash:ip\nadd a 1.2.3.4 packets 4", "2:15: the set was created without counters"},
      {"create a hash:ip\nadd a 1.2.3.4 comment x", "2:15: the set was created without comment"},
      {"create a hash:ip\nadd a 1.2.3.4 nomatch",
       "2:15: an element of hash:ip has no option 'nomatch' here"},
      {"create a hash:ip comment\nadd a 1.2.3.4 comment \"x", "2:23: the closing quote is missing"},
      {"create a list:set\ncreate b list:set\nadd a b",
       "3:7: a list:set cannot be an element of a list:set"},
      {"create a list:set\ncreate x hash:ip\nadd a x before nosuch",
       "3:16: there is no set named 'nosuch'"},
      {"create a list:set\ncreate x hash:ip\nadd a x\ndestroy x",
       "4:9: 'x' is an element of a list:set"},
      {"create a list:set\ncreate x hash:ip\nadd a x\nrename x y",
       "4:10: 'x' is an element of a list:set"},
      {"create x hash:ip\nswap x nosuch", "2:8: there is no set named 'nosuch'"},
      {"create x hash:ip\nswap nosuch x", "2:6: there is no set named 'nosuch'"},
      {"create x hash:ip\ncreate y hash:net\nswap x y",
       "3:8: 'x' and 'y' are not of the same type"},
  };
  for (const Refused& c : kCases) {
    Restored restored(c.text);
    EXPECT_FALSE(restored.fine) << c.text;
    ASSERT_EQ(restored.diagnostics.count(), 1u) << restored.errors(c.text);
    const Diag& diag = restored.diagnostics.list()[0];
    EXPECT_EQ(
        std::to_string(diag.span.line) + ":" + std::to_string(diag.span.column) + ": " + diag.what,
        c.error);
  }
}

TEST(Restore, BoundsWhatATextCanCost) {
  SetStore store(make_hash_key(1), {.elements = 100, .expanded = 1000});
  auto error_of = [&](const std::string& text) {
    Diagnostics diagnostics;
    store.restore(text, kNow, diagnostics);
    return diagnostics.empty() ? "" : diagnostics.list()[0].what;
  };
  EXPECT_EQ(error_of("create a hash:ip\nadd a 10.0.0.0/8"), "more than 100 elements in all sets");
  std::string text = "create b bitmap:port range 0-9\n";
  for (int i = 0; i < 100; i++) text += "add -exist b 0-9\n";
  EXPECT_EQ(error_of(text), "");
  EXPECT_EQ(error_of("destroy\n" + text + "del b 0\n"),
            "this text stands for too many elements: its ranges are too large");
}

TEST(Restore, FindsAllErrorsAndThenChangesNothing) {
  SetStore store(make_hash_key(1));
  Diagnostics none;
  ASSERT_TRUE(store.restore("create a hash:ip\nadd a 1.1.1.1\n", kNow, none));
  std::string before = store.save(kNow);
  std::string text = "add a 2.2.2.2\nadd a x\ncreate b hash:foo\nadd b 1.1.1.1\ndel a 3.3.3.3\n";
  Diagnostics diagnostics;
  EXPECT_FALSE(store.restore(text, kNow, diagnostics));
  EXPECT_EQ(diagnostics.render("f", text),
            "f:2:7: error: cannot parse 'x' as an address\n"
            "  add a x\n        ^\n"
            "  hint: four decimal numbers with dots; host names are not looked up here\n"
            "f:3:10: error: unknown set type 'hash:foo'\n"
            "  create b hash:foo\n           ^~~~~~~~\n"
            "f:5:7: error: '3.3.3.3' is not in the set\n"
            "  del a 3.3.3.3\n        ^~~~~~~\n");
  EXPECT_EQ(store.save(kNow), before);
}

TEST(Restore, AppliesToWhatIsThere) {
  SetStore store(make_hash_key(1));
  Diagnostics none;
  ASSERT_TRUE(store.restore("create a hash:ip\nadd a 1.1.1.1\n", kNow, none));
  SetRef ref = *store.find("a");
  ASSERT_TRUE(store.restore("add a 2.2.2.2\n", kNow, none));
  EXPECT_EQ(store.find("a"), ref);
  EXPECT_EQ(store.elements(ref), 2u);
  ASSERT_TRUE(store.restore("destroy a\ncreate b hash:ip\n", kNow, none));
  EXPECT_EQ(store.options(ref), nullptr) << "b has the slot, but is not the set that ref meant";
}

TEST(Save, PrintsTheTimeThatIsLeft) {
  Restored restored("create a hash:ip timeout 10\nadd a 1.1.1.1\nadd a 2.2.2.2 timeout 2\n");
  EXPECT_EQ(short_form(restored.store.save(kNow + ticks(1) + 1)),
            "create a hash:ip timeout 10\nadd a 1.1.1.1 timeout 8\nadd a 2.2.2.2 timeout 1\n");
  // Never 0, which would mean for ever; alive to its last tick.
  EXPECT_EQ(short_form(restored.store.save(kNow + ticks(2))),
            "create a hash:ip timeout 10\nadd a 1.1.1.1 timeout 8\nadd a 2.2.2.2 timeout 1\n");
  EXPECT_EQ(short_form(restored.store.save(kNow + ticks(2) + 1)),
            "create a hash:ip timeout 10\nadd a 1.1.1.1 timeout 7\n");
}

}  // namespace
}  // namespace sallyport

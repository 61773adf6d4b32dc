// Conversations at random, one protocol a file.
//
// A conversation is written without knowing what becomes of its packets: the
// rules may drop any of them, and what comes after is then a packet out of
// turn. What disturbs conversations alike (losses, repetitions, other orders,
// broken headers, ICMP errors about a packet, its way in fragments) is done to
// the finished steps.
#pragma once

#include "kernel/random_world.h"

namespace sallyport::testing {

// Somebody's conversation, disturbed or not.
Steps conversation(Random& random, const World& world);

Steps tcp_conversation(Random& random, const World& world);
Steps udp_conversation(Random& random, const World& world);
Steps group_conversation(Random& random,
                         const World& world);  // multicast and broadcast
Steps icmp_conversation(Random& random, const World& world);
Steps igmp_conversation(Random& random, const World& world);
Steps sctp_conversation(Random& random, const World& world);
Steps other_conversation(Random& random,
                         const World& world);  // GRE, DCCP, ESP, AH, a number
Steps ftp_conversation(Random& random, const World& world);
Steps tftp_conversation(Random& random, const World& world);
Steps netbios_conversation(Random& random, const World& world);
// What a helper reads; it may stop before its end. The host's own broadcasts pass POSTROUTING
// twice.
Steps helped_conversation(Random& random, const World& world, bool own_broadcasts);
Steps fragmented_conversation(Random& random, const World& world);

// Headers that lie or end too soon, rare fields, extension headers, here and
// there.
void add_oddities(Random& random, Steps& steps);

// An ICMP error about `about`, to its sender; or one that pretends to be.
Step icmp_error(Random& random, const World& world, const Step& about);

}  // namespace sallyport::testing

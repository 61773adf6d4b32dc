#include "conntrack/conntrack_xml.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

std::string xml(std::string_view text) {
  const LabelNames names("1 one\n2 two\n");
  const Result<std::optional<FlowLine>> line = parse_flow(text, 1, &names);
  return line && *line ? xml_text(**line, &names) : "no flow";
}

// Of a flow that has everything; tests/live/listing_test.py asks conntrack itself about others.
TEST(ConntrackXml, WhatStandsWhere) {
  EXPECT_EQ(
      xml("tcp 6 120 SYN_SENT src=10.0.0.1 dst=10.0.0.9 sport=58192 dport=21 zone-orig=5 packets=1 "
          "bytes=60 [UNREPLIED] src=10.0.0.9 dst=10.0.0.1 sport=21 dport=58192 packets=0 bytes=0 "
          "mark=7 helper=ftp use=2 labels=one,two"),
      "<flow><meta direction=\"original\"><layer3 protonum=\"2\" protoname=\"ipv4\">"
      "<src>10.0.0.1</src><dst>10.0.0.9</dst></layer3><layer4 protonum=\"6\" protoname=\"tcp\">"
      "<sport>58192</sport><dport>21</dport></layer4><zone>5</zone><counters><packets>1</packets>"
      "<bytes>60</bytes></counters></meta><meta direction=\"reply\"><layer3 protonum=\"2\" "
      "protoname=\"ipv4\"><src>10.0.0.9</src><dst>10.0.0.1</dst></layer3><layer4 protonum=\"6\" "
      "protoname=\"tcp\"><sport>21</sport><dport>58192</dport></layer4><counters><packets>0"
      "</packets><bytes>0</bytes></counters></meta><meta direction=\"independent\"><state>SYN_SENT"
      "</state><timeout>120</timeout><mark>7</mark><labels><label>one</label><label>two</label>"
      "</labels><use>2</use><id>0</id><unreplied/></meta><helper>ftp</helper></flow>");
}

// ICMP shows nothing of layer 4; what a flow does not have leaves no trace.
TEST(ConntrackXml, WhatIsNotThere) {
  const std::string icmp =
      xml("icmp 1 29 src=10.0.0.1 dst=10.0.0.9 type=8 code=0 id=7 src=10.0.0.9 dst=10.0.0.1 type=0 "
          "code=0 id=7 mark=0 use=1");
  EXPECT_NE(icmp.find("<layer4 protonum=\"1\" protoname=\"icmp\"></layer4>"), std::string::npos);
  EXPECT_EQ(icmp.find("counters"), std::string::npos);
  EXPECT_EQ(icmp.find("state"), std::string::npos);
  EXPECT_EQ(icmp.find("labels"), std::string::npos);
}

}  // namespace
}  // namespace sallyport

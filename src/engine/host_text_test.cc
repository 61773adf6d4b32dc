#include "engine/host_text.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(HostText, TakesNamesAndPrefixes) {
  Host host;
  ASSERT_TRUE(add_host_text("eth0=192.168.1.2/24,fe80::2/64,lan1=10.0.0.1", host));
  ASSERT_EQ(host.interfaces().size(), 3u);
  EXPECT_EQ(host.interfaces()[0].name.text(), "eth0");
  EXPECT_EQ(host.interfaces()[0].addresses[0].text(), "192.168.1.2/24");
  EXPECT_EQ(host.interfaces()[1].name.text(), "");
  EXPECT_EQ(host.interfaces()[2].addresses[0].text(), "10.0.0.1/32");
}

TEST(HostText, RefusesWhatIsNoAddress) {
  struct Case {
    std::string_view text;
    uint32_t column;
  };
  for (const Case& c : {Case{"", 1}, Case{"eth0=", 1}, Case{"=1.2.3.4", 1}, Case{"1.2.3.4,", 9},
                        Case{"1.2.3.4/33", 1}, Case{"10.0.0.1,0123456789abcdef=10.0.0.2", 10},
                        Case{"224.0.0.251", 1}, Case{"router.local", 1}}) {
    Host host;
    Result<void> added = add_host_text(c.text, host);
    ASSERT_FALSE(added) << c.text;
    EXPECT_EQ(added.error().span.column, c.column) << c.text;
  }
}

}  // namespace
}  // namespace sallyport

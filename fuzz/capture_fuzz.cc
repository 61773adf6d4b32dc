// The capture reader on any bytes, through the link layer and the packet parser.
//
// Beside not crashing: records lie in the file, in order, and a file cut by its last
// byte gives the same records but for the last.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "attach/capture.h"
#include "packet/parse.h"

namespace {

using namespace sallyport;

void require(bool holds) {
  if (!holds) std::abort();
}

// The number of records, each of which was looked at.
size_t read(const std::vector<uint8_t>& bytes) {
  auto capture = Capture::from_memory(bytes);
  if (!capture) {
    require(!capture.error().empty());
    return 0;
  }
  size_t count = 0;
  uint64_t total = 0;
  Record burst[5];
  while (size_t got = capture->read(burst)) {
    for (size_t i = 0; i < got; i++) {
      const Record& record = burst[i];
      require(record.index == count++);
      require(record.frame.size() <= record.wire_length);
      require(record.network_offset <= record.frame.size());
      total += record.frame.size();
      Packet packet;
      fill_packet(record, packet);
      require(packet.captured <= packet.wire_length);
      parse(packet);
      verify_checksum(packet);
      if (!record.frame.empty()) record.frame.back() ^= 1;  // ours to write to
    }
    require(capture->position() <= capture->size());
  }
  require(total <= bytes.size());
  require(capture->read(burst) == 0);
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  const size_t whole = read(bytes);
  if (bytes.empty()) return 0;
  bytes.pop_back();
  const size_t cut = read(bytes);
  require(cut <= whole && cut + 1 >= whole);
  return 0;
}

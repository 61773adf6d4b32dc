#include "control/keeper.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "base/raw.h"
#include "conntrack/flow_record.h"
#include "rules/print.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr Duration kPass = std::chrono::milliseconds(500);  // to go through all places
constexpr Duration kRetry = std::chrono::seconds(60);       // after a failure
// Work of a turn: looking at a place is one, writing what has changed is more. Some 500 us.
constexpr size_t kMostWork = 32768, kWriting = 8;
constexpr size_t kAll = ~size_t{0};
// A file begins anew where the changes have come to so many times the whole.
constexpr uint64_t kGrowth = 3, kLeastGrowth = uint64_t{16} << 20;
constexpr size_t kBlock = 256 << 10;
constexpr auto kIpv6 = static_cast<uint32_t>(Family::kIpv6);

// Never 0. Not keyed: nobody gains by two states of a flow that look alike here.
uint32_t sum_of(std::string_view bytes) {
  uint64_t sum = bytes.size();
  for (; bytes.size() >= sizeof sum; bytes.remove_prefix(sizeof sum)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum = (sum ^ word) * 0x9e3779b97f4a7c15;
    sum ^= sum >> 32;
  }
  for (const char byte : bytes) sum = (sum ^ static_cast<uint8_t>(byte)) * 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>(sum >> 32) | 1;
}

std::string_view bytes_of(const Flow& flow) {
  return {reinterpret_cast<const char*>(&flow), flow.kind().bytes()};
}

// Of what an element is, but for its comment.
uint32_t sum_of(const ElementPool::Node& node) {
  std::string bytes;  // of 60 at most: it lies in one piece
  const Extras& extras = node.extras;
  put_raw(node.element.address, bytes);
  put_raw(node.element.port, bytes);
  put_raw(node.element.protocol, bytes);
  put_raw(node.element.length, bytes);
  put_raw(node.owner, bytes);
  for (const uint64_t value : {extras.deadline, extras.packets, extras.bytes}) {
    put_raw(value, bytes);
  }
  put_raw(extras.nomatch, bytes);
  return sum_of(bytes);
}

}  // namespace

Keeper::Keeper(const std::string& path, Managed& firewall,
               std::function<void(const std::string&)> log)
    : path_(path), firewall_(firewall), log_(std::move(log)), journal_(path, state_layout()) {
  begin_file();
}

void Keeper::begin_file() {
  flows_.clear();
  elements_.clear();
  last_ = {};
  sets_edits_ = ~uint64_t{0};
  programs_ = {};
  snapshot_ = true;
  in_pass_ = false;
  block_.clear();
  journal_.begin();
}

void Keeper::begin_pass(Instant now) {
  const uint64_t most = std::max(kGrowth * snapshot_bytes_, snapshot_bytes_ + kLeastGrowth);
  if (!snapshot_ && journal_.written() > most) begin_file();
  in_pass_ = true;
  pass_began_ = now;
  next_flow_ = next_element_ = 0;
}

void Keeper::end_pass() {
  write_rest();
  hand_over();
  if (snapshot_) {
    journal_.publish();
    error_.clear();
    snapshot_bytes_ = journal_.written();
  }
  snapshot_ = in_pass_ = false;
  complete_ = pass_began_;
}

bool Keeper::turn(Instant now) {
  if (now < retry_at_) return false;
  if (const std::string error = journal_.error(); !error.empty()) {
    failures_++;
    error_ = error;
    log_(fmt::format("what happens from now on is not kept: {}", error));
    retry_at_ = now + kRetry;
    begin_file();
    return false;
  }
  return go_on(now, kMostWork);
}

void Keeper::finish(Instant now) {
  begin_pass(now);
  go_on(now + kPass, kAll);
  journal_.flush();
  if (const std::string error = journal_.error(); !error.empty()) {
    log_(fmt::format("what happened last is not kept: {}", error));
  }
}

// As far as the time that has passed since the pass began asks for.
bool Keeper::go_on(Instant now, size_t most) {
  if (!in_pass_) {
    if (now - complete_ < kPass) return false;
    begin_pass(now);
  }
  const double part = std::min(1.0, std::chrono::duration<double>(now - pass_began_) / kPass);
  const uint32_t flows = firewall_.engine().conntrack().places();
  const uint32_t elements = firewall_.engine().sets().places();
  auto share = [part](uint32_t all) { return static_cast<uint32_t>(part * all); };
  size_t work = 0;
  constexpr uint32_t kStep = 1024;
  while (work < most && next_flow_ < share(flows)) {
    work += write_flows(std::min(next_flow_ + kStep, flows));
  }
  while (work < most && next_element_ < share(elements)) {
    work += write_elements(std::min(next_element_ + kStep, elements));
  }
  hand_over();
  const bool behind = next_flow_ < share(flows) || next_element_ < share(elements);
  if (!behind && part == 1.0) end_pass();
  return behind;
}

size_t Keeper::write_flows(uint32_t end) {
  const Conntrack& conntrack = firewall_.engine().conntrack();
  flows_.resize(std::max<size_t>(flows_.size(), end));
  size_t work = end - next_flow_;
  std::string record;
  auto look_at = [&](uint32_t place, const Flow* flow) {
    record.clear();
    const bool more = flow && flow->status & (ct_status::kExtended | ct_status::kOwnReply);
    if (more) append_record(conntrack.record(place), record);
    const uint32_t sum = !flow ? 0 : sum_of(more ? std::string_view(record) : bytes_of(*flow));
    if (sum == flows_[place]) return;
    flows_[place] = sum;
    if (flow && !more) append_record(conntrack.record(place), record);
    write(RecordKind::kFlow, place, record);
    work += kWriting;
  };
  conntrack.look_through(next_flow_, end - next_flow_, look_at);
  next_flow_ = end;
  return work;
}

size_t Keeper::write_elements(uint32_t end) {
  const SetStore& sets = firewall_.engine().sets();
  elements_.resize(std::max<size_t>(elements_.size(), end));
  size_t work = end - next_element_;
  for (uint32_t place = next_element_; place < end; place++) {
    const ElementPool::Node* node = sets.at(place);
    const bool comment = node && node->extras.has_comment;
    const uint32_t sum = !node ? 0 : comment ? sum_of(element_record(sets, place)) : sum_of(*node);
    if (sum == elements_[place]) continue;
    elements_[place] = sum;
    write(RecordKind::kElement, place, element_record(sets, place));
    work += kWriting;
  }
  next_element_ = end;
  return work;
}

void Keeper::write_rest() {
  const Engine& engine = firewall_.engine();
  write_if_changed(RecordKind::kExpectations, 0, expectations_record(engine));
  write_if_changed(RecordKind::kWindows, 0, windows_record(engine));
  if (const SetStore& sets = firewall_.engine().sets(); sets.edits() != sets_edits_) {
    sets_edits_ = sets.edits();
    write_if_changed(RecordKind::kSets, 0, sets_record(sets, engine.now()));
  }
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto place = static_cast<uint32_t>(family);
    std::shared_ptr<const Program>& program = programs_[family == Family::kIpv6];
    if (program != engine.shared_program(family)) {
      program = engine.shared_program(family);
      write_if_changed(RecordKind::kRules, place, print_rules(firewall_.rules(family)));
    }
    const auto counters = std::as_bytes(engine.counters(family));
    write_if_changed(RecordKind::kCounters, place,
                     std::string(reinterpret_cast<const char*>(counters.data()), counters.size()));
  }
}

void Keeper::write(RecordKind kind, uint32_t place, std::string_view bytes) {
  append_record(kind, place, bytes, block_);
  if (block_.size() >= kBlock) hand_over();
}

void Keeper::write_if_changed(RecordKind kind, uint32_t place, const std::string& bytes) {
  std::string& last = last_[static_cast<size_t>(kind) * 2 + (place == kIpv6)];
  if (last == bytes) return;
  last = bytes;
  write(kind, place, bytes);
}

void Keeper::hand_over() {
  if (block_.empty()) return;
  journal_.append(std::exchange(block_, {}));
}

Keeper::Status Keeper::status() const {
  return {.path = path_,
          .bytes = journal_.written(),
          .failures = failures_,
          .error = error_,
          .complete = complete_};
}

}  // namespace sallyport

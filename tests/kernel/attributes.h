// Netlink attributes one by one. libmnl's macros for that are C, not C++.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

namespace sallyport::testing {

template <typename Visit>
int visit_attribute(const nlattr* attribute, void* visit) {
  (*static_cast<Visit*>(visit))(mnl_attr_get_type(attribute), attribute);
  return MNL_CB_OK;
}

// Calls visit(type, attribute) for each attribute of an nfnetlink message, or within `outer`.
template <typename Visit>
void each_of(const nlmsghdr* message, Visit visit) {
  mnl_attr_parse(message, sizeof(nfgenmsg), visit_attribute<Visit>, &visit);
}
template <typename Visit>
void each_in(const nlattr* outer, Visit visit) {
  mnl_attr_parse_nested(outer, visit_attribute<Visit>, &visit);
}

}  // namespace sallyport::testing

// Protocols by the colour they share.
const FAMILIES = {
  TCP: "tcp", UDP: "udp", QUIC: "udp", DNS: "dns", MDNS: "dns", LLMNR: "dns", HTTP: "http",
  TLS: "tls", SSL: "tls", ICMP: "icmp", ICMPv6: "icmp", ARP: "link", "802.11": "link", STP: "link",
  LLDP: "link", IGMP: "icmp",
};

export const familyOf = (protocol) => FAMILIES[protocol] ?? (protocol?.startsWith("TLS") ? "tls" : "other");

//! By which names this server is asked. A page of another site can have its own name lead to this machine (DNS rebinding), and
//! would then read here what only this machine's user is to see; what it cannot do is ask for another name than its own.

use std::net::IpAddr;

/// The names that are answered to.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// In small letters, without ports.
    named: Vec<String>,
    is_any: bool,
    is_loopback: bool,
}

impl Hosts {
    /// `web_hosts`, where it is set. Without it, whoever listens for other machines cannot know what they call it.
    pub fn of(named: Option<&str>, is_loopback: bool) -> Self {
        let named: Vec<String> =
            named.unwrap_or_default().split([',', ' ']).filter(|name| !name.is_empty()).map(plain).collect();
        Self { is_any: named.is_empty() && !is_loopback, named, is_loopback }
    }

    /// Whether to answer a machine. Probes and Prometheus reach a server by names of its network, such as `serve:8080`, and
    /// what they are told is nobody's secret there.
    pub fn allow_machine(&self, host: &str) -> bool {
        !self.is_loopback || self.allow(host)
    }

    /// Whether to answer. An address in digits is nobody's to give away, and `localhost` no browser looks up elsewhere.
    pub fn allow(&self, host: &str) -> bool {
        let name = plain(host);
        let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        self.is_any || is_address || name == "localhost" || name.ends_with(".localhost") || self.named.contains(&name)
    }
}

/// `a.example` of `A.example.:8080`.
fn plain(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    };
    name.trim().trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_given_is_refused_on_this_machine() {
        let (here, everywhere) = (Hosts::of(None, true), Hosts::of(None, false));
        let named = [true, false].map(|is_loopback| Hosts::of(Some("busca.example, Outra.example:80"), is_loopback));
        for (host, on_loopback, when_named) in [
            ("127.0.0.1:8080", true, true),
            ("127.0.0.1", true, true),
            ("[::1]:8080", true, true),
            ("::1", true, true),
            ("192.0.2.7:80", true, true),
            ("localhost:8080", true, true),
            ("LOCALHOST.", true, true),
            ("prelo.localhost:1", true, true),
            ("busca.example", false, true),
            ("BUSCA.example:443", false, true),
            ("outra.example", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("notlocalhost", false, false),
            ("busca.example@evil.example", false, false),
            ("", false, false),
        ] {
            assert_eq!(here.allow(host), on_loopback, "{host}");
            assert!(everywhere.allow(host), "{host}");
            for named in &named {
                assert_eq!(named.allow(host), when_named, "{host}");
            }
            let machines = named.each_ref().map(|named| named.allow_machine(host));
            assert_eq!(machines, [when_named, true], "{host}: on this machine, and for others");
        }
    }
}

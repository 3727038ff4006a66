use leadwire_model::scenario;
use leadwire_model::walk::{refute, walk};
fn main() {
    let filter: String = std::env::args().nth(1).unwrap_or_default();
    let mut n = 0;
    let all = [scenario::ordinary(), scenario::deep()].concat();
    for s in all.iter().filter(|s| s.name.contains(&filter) && (filter != "" || !s.name.contains("deep"))) {
        let w = walk(s.protocol, 2);
        println!("{:<66} {w}", s.name);
        n += w.states;
        for b in &w.broken {
            println!("  {b}");
            for l in refute(s.protocol, b).unwrap_or_default() { println!("     {l}"); }
        }
    }
    println!("{n}");
}

use leadwire_model::{scenario,control};
use leadwire_model::walk::{refute, walk};
use leadwire_model::{Protocol,Variant};
fn main() {
    let filter: String = std::env::args().nth(1).unwrap_or_default();
    if filter == "controls" {
        let f2: String = std::env::args().nth(2).unwrap_or_default();
        for c in control::all() {
            let v = format!("{:?}", c.protocol.variant);
            if !v.contains(&f2) { continue; }
            let t = std::time::Instant::now();
            let sound = walk(Protocol{variant:Variant::Sound,..c.protocol},2);
            let t1 = t.elapsed().as_secs_f64();
            let run = refute(c.protocol, c.property);
            println!("{v:<26} {} sound {} {t1:.1}s run {:?} {:.1}s", if sound.holds() {""} else {"UNSOUND"}, sound.states, run.as_ref().map(|r|r.len()), t.elapsed().as_secs_f64()-t1);
            if !sound.holds() { println!("{sound}"); }
            if f2 != "" { for l in run.unwrap_or_default() { println!("     {l}"); } }
        }
        return;
    }
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

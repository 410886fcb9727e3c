//! The workflows that ship as examples, and those in the documentation.

use partita_core::workflow::{self, from_value, parse, to_value, to_yaml};

fn examples() -> Vec<(String, String)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_example_is_read_without_a_finding_and_meets_the_schema() {
    let validator = jsonschema::validator_for(&workflow::schema()).unwrap();
    let examples = examples();
    assert!(examples.len() >= 8);
    for (name, text) in examples {
        let loaded = parse(&text, None);
        assert_eq!(loaded.diagnostics, vec![], "{name}");
        let workflow = loaded.workflow.unwrap();
        let value = to_value(&workflow);
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        assert_eq!(from_value(&value).workflow.as_ref(), Some(&workflow), "{name}");
        assert_eq!(
            parse(&to_yaml(&workflow), None).workflow.as_ref(),
            Some(&workflow),
            "{name}:\n{}",
            to_yaml(&workflow)
        );
    }
}

//! Which model a request is for, and who answers where there is none.

use std::sync::Arc;

use super::scripted::{Only, Scripted, good, provider, says};
use crate::adk::{AdkConfig, AdkProvider, NoModels};
use crate::call::Call;
use crate::planner;
use crate::provider::{DraftError, DraftRequest, Provider as _};

fn asks(model: Option<&str>) -> DraftRequest {
    DraftRequest { task: "Check the disk usage".to_owned(), model: model.map(str::to_owned), ..DraftRequest::default() }
}

#[tokio::test]
async fn the_planner_does_the_work_where_no_model_is_and_says_so() {
    let provider = AdkProvider::default();
    let draft = provider.draft(&asks(None), &Call::default()).await.unwrap();
    let plain = draft.suggestions.len();
    assert_eq!(draft.model, planner::MODEL);
    let draft = provider.draft(&asks(Some("gpt-5")), &Call::default()).await.unwrap();
    assert_eq!((draft.model.as_str(), draft.suggestions.len()), (planner::MODEL, plain + 1));
    assert!(draft.suggestions.last().unwrap().contains("gpt-5"), "{:?}", draft.suggestions);
    let draft = provider.draft(&asks(Some(planner::MODEL)), &Call::default()).await.unwrap();
    assert_eq!(draft.suggestions.len(), plain);
}

#[tokio::test]
async fn a_request_beats_the_configuration_and_unknown_models_are_refused() {
    let model = Scripted::new(vec![says(&good()), says(&good())]);
    let chosen = provider(&model);
    assert_eq!(chosen.models(), ["scripted", planner::MODEL]);
    assert_eq!(chosen.draft(&asks(None), &Call::default()).await.unwrap().model, "scripted");
    assert_eq!(chosen.draft(&asks(Some(planner::MODEL)), &Call::default()).await.unwrap().model, planner::MODEL);
    let failed = chosen.draft(&asks(Some("gpt-5")), &Call::default()).await.unwrap_err();
    assert!(
        matches!(&failed, DraftError::NoSuchModel { model, help } if model == "gpt-5" && help.contains("`scripted`")),
        "{failed}"
    );
    let config = AdkConfig { model: Some(planner::MODEL.to_owned()), ..AdkConfig::default() };
    let by_rules = AdkProvider::new(config, Arc::new(Only(Arc::clone(&model)))).unwrap();
    assert_eq!(by_rules.models(), [planner::MODEL, "scripted"]);
    assert_eq!(by_rules.draft(&asks(None), &Call::default()).await.unwrap().model, planner::MODEL);
    assert_eq!(by_rules.draft(&asks(Some("scripted")), &Call::default()).await.unwrap().model, "scripted");
}

#[test]
fn a_configuration_names_only_models_that_exist() {
    let config = AdkConfig { name: "cheap".to_owned(), refiner: Some("gone".to_owned()), ..AdkConfig::default() };
    let refused = AdkProvider::new(config, Arc::new(NoModels)).err().map(|error| error.to_string());
    let expected = "the provider cheap is to use the model gone, which is not configured; there is `builtin/planner`";
    assert_eq!(refused.as_deref(), Some(expected));
}

#[tokio::test]
async fn each_role_has_its_own_model() {
    let model = Scripted::new(vec![says(&good())]);
    let config = AdkConfig { refiner: Some(planner::MODEL.to_owned()), ..AdkConfig::default() };
    let mixed = AdkProvider::new(config, Arc::new(Only(Arc::clone(&model)))).unwrap();
    assert_eq!(mixed.draft(&asks(None), &Call::default()).await.unwrap().model, "scripted");
    let second = DraftRequest { previous: Some("x".to_owned()), ..asks(None) };
    assert_eq!(mixed.draft(&second, &Call::default()).await.unwrap().model, planner::MODEL);
}

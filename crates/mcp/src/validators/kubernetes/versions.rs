//! API versions: which are gone, and to which group a kind belongs.

/// Group and version, kinds (empty: all), since when it is gone, and what to write.
const GONE: [(&str, &[&str], &str, &str); 24] = [
    ("extensions/v1beta1", &["Ingress"], "1.22", "networking.k8s.io/v1"),
    ("extensions/v1beta1", &["NetworkPolicy"], "1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", &["PodSecurityPolicy"], "1.16", "Pod Security admission"),
    ("extensions/v1beta1", &[], "1.16", "apps/v1"),
    ("apps/v1beta1", &[], "1.16", "apps/v1"),
    ("apps/v1beta2", &[], "1.16", "apps/v1"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], "1.22", "networking.k8s.io/v1"),
    ("batch/v2alpha1", &[], "1.21", "batch/v1"),
    ("batch/v1beta1", &["CronJob"], "1.25", "batch/v1"),
    ("policy/v1beta1", &["PodSecurityPolicy"], "1.25", "Pod Security admission"),
    ("policy/v1beta1", &[], "1.25", "policy/v1"),
    ("autoscaling/v2beta1", &[], "1.25", "autoscaling/v2"),
    ("autoscaling/v2beta2", &[], "1.26", "autoscaling/v2"),
    ("rbac.authorization.k8s.io/v1beta1", &[], "1.22", "rbac.authorization.k8s.io/v1"),
    ("apiextensions.k8s.io/v1beta1", &[], "1.22", "apiextensions.k8s.io/v1"),
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        "1.22",
        "admissionregistration.k8s.io/v1",
    ),
    ("apiregistration.k8s.io/v1beta1", &[], "1.22", "apiregistration.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"], "1.22", "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", &["Lease"], "1.22", "coordination.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", &[], "1.22", "scheduling.k8s.io/v1"),
    (
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
        "1.22",
        "storage.k8s.io/v1",
    ),
    ("discovery.k8s.io/v1beta1", &[], "1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", &[], "1.25", "events.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", &[], "1.29", "flowcontrol.apiserver.k8s.io/v1"),
];

/// Since when an API version is gone, and what stands in for it.
pub(super) fn gone(api_version: &str, kind: &str) -> Option<(&'static str, &'static str)> {
    let found =
        GONE.iter().find(|(version, kinds, ..)| *version == api_version && (kinds.is_empty() || kinds.contains(&kind)));
    found.map(|(_, _, since, instead)| (*since, *instead))
}

/// The group that a kind of Kubernetes itself belongs to; empty: the core group.
pub(super) fn group(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ControllerRevision" => "apps",
        "Job" | "CronJob" => "batch",
        "Ingress" | "IngressClass" | "NetworkPolicy" => "networking.k8s.io",
        "PodDisruptionBudget" => "policy",
        "HorizontalPodAutoscaler" => "autoscaling",
        "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => "rbac.authorization.k8s.io",
        "StorageClass" => "storage.k8s.io",
        "Pod"
        | "Service"
        | "ConfigMap"
        | "Secret"
        | "Namespace"
        | "ServiceAccount"
        | "PersistentVolume"
        | "PersistentVolumeClaim"
        | "LimitRange"
        | "ResourceQuota"
        | "Endpoints"
        | "ReplicationController" => "",
        _ => return None,
    })
}

/// Whether resources of this kind live in a namespace; `None`: unknown kinds.
pub(super) fn is_namespaced(kind: &str) -> Option<bool> {
    match kind {
        "Namespace"
        | "PersistentVolume"
        | "StorageClass"
        | "ClusterRole"
        | "ClusterRoleBinding"
        | "IngressClass"
        | "PriorityClass"
        | "CustomResourceDefinition" => Some(false),
        other => group(other).map(|_| true),
    }
}

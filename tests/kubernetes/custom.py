"""
The fields of operators' resources that we use, by kind: their schemas come with the operators, and none is at hand.

Each is written down by hand, so that a slip of the pen in a manifest is caught. Whether the operator makes of it what
we mean, only a cluster can show.
"""


def _fields(text: str) -> set[str]:
    return set(text.split())


FIELDS = {
    # CloudNativePG 1.25
    "postgresql.cnpg.io/v1 Cluster": _fields(
        """
        instances imageName enableSuperuserAccess
        bootstrap.initdb.database bootstrap.initdb.owner bootstrap.initdb.secret.name bootstrap.initdb.encoding
        bootstrap.initdb.locale bootstrap.initdb.localeProvider bootstrap.initdb.builtinLocale
        managed.roles.name managed.roles.ensure managed.roles.login managed.roles.createdb
        managed.roles.passwordSecret.name
        postgresql.parameters.max_connections postgresql.parameters.shared_buffers postgresql.parameters.timezone
        postgresql.parameters.log_timezone postgresql.synchronous.method postgresql.synchronous.number
        storage.size walStorage.size
        resources.requests.cpu resources.requests.memory resources.limits.cpu resources.limits.memory
        affinity.enablePodAntiAffinity affinity.topologyKey affinity.podAntiAffinityType
        """
    ),
    # MongoDB community operator 0.12; below statefulSet.spec it is Kubernetes's own
    "mongodbcommunity.mongodb.com/v1 MongoDBCommunity": _fields(
        """
        type members version security.authentication.modes
        users.name users.db users.passwordSecretRef.name users.passwordSecretRef.key users.roles.name users.roles.db
        users.scramCredentialsSecretName
        statefulSet.spec.template.spec.containers.name
        statefulSet.spec.template.spec.containers.resources.requests.cpu
        statefulSet.spec.template.spec.containers.resources.requests.memory
        statefulSet.spec.template.spec.containers.resources.limits.cpu
        statefulSet.spec.template.spec.containers.resources.limits.memory
        additionalMongodConfig.storage.wiredTiger.engineConfig.cacheSizeGB
        """
    ),
    # RabbitMQ cluster operator 2.12
    "rabbitmq.com/v1beta1 RabbitmqCluster": _fields(
        """
        replicas image secretBackend.externalSecret.name rabbitmq.additionalConfig persistence.storage
        resources.requests.cpu resources.requests.memory resources.limits.cpu resources.limits.memory
        terminationGracePeriodSeconds
        """
    ),
    "monitoring.coreos.com/v1 PodMonitor": _fields(
        """
        selector.matchLabels.app.kubernetes.io/part-of selector.matchLabels.app.kubernetes.io/name
        podMetricsEndpoints.port podMetricsEndpoints.interval podMetricsEndpoints.scrapeTimeout
        podMetricsEndpoints.relabelings.sourceLabels podMetricsEndpoints.relabelings.regex
        podMetricsEndpoints.relabelings.targetLabel podMetricsEndpoints.relabelings.replacement
        """
    ),
    "keda.sh/v1alpha1 ScaledObject": _fields(
        """
        scaleTargetRef.name minReplicaCount maxReplicaCount cooldownPeriod triggers.type triggers.metricType
        triggers.metadata.serverAddress triggers.metadata.query triggers.metadata.threshold triggers.metadata.value
        """
    ),
    "gateway.networking.k8s.io/v1 Gateway": _fields(
        """
        gatewayClassName listeners.name listeners.protocol listeners.port listeners.hostname listeners.tls.mode
        listeners.tls.certificateRefs.name listeners.allowedRoutes.namespaces.from
        """
    ),
    "gateway.networking.k8s.io/v1 HTTPRoute": _fields(
        "parentRefs.name hostnames rules.backendRefs.name rules.backendRefs.port"
    ),
    "networking.gke.io/v1 HealthCheckPolicy": _fields(
        """
        default.checkIntervalSec default.timeoutSec default.config.type default.config.httpHealthCheck.port
        default.config.httpHealthCheck.host default.config.httpHealthCheck.requestPath
        targetRef.group targetRef.kind targetRef.name
        """
    ),
    "networking.gke.io/v1 GCPBackendPolicy": _fields(
        """
        default.timeoutSec default.connectionDraining.drainingTimeoutSec targetRef.group targetRef.kind targetRef.name
        """
    ),
}

{{/* What all our pods share. Each takes the root context with `component` set. */}}

{{/* Service links are off: Kubernetes would add APPLIANCE_* variables for a Service called appliance-..., and ours refuses unknown ones. */}}
{{- define "appliance.podSpec" -}}
enableServiceLinks: false
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  {{- with .Values.podSecurity.runAsUser }}
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  {{- end }}
  {{- with .Values.podSecurity.fsGroup }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "appliance.restricted" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "appliance.ownImage" -}}
image: {{ include "appliance.image" (dict "root" . "image" .Values.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "appliance.databaseUrl" -}}
{{- if .Values.postgresql.enabled -}}
postgresql://appliance@{{ .Release.Name }}-postgresql:5432/appliance
{{- else -}}
{{- with .Values.postgresql.external -}}
postgresql://{{ .username }}@{{ .host }}:{{ .port }}/{{ .database }}?sslmode={{ .sslmode }}
{{- end }}
{{- end }}
{{- end }}

{{- define "appliance.redisUrl" -}}
{{- if .Values.redis.enabled -}}
redis://{{ .Release.Name }}-redis:6379/0
{{- else -}}
{{- with .Values.redis.external -}}
{{ if .tls }}rediss{{ else }}redis{{ end }}://{{ .host }}:{{ .port }}/0
{{- end }}
{{- end }}
{{- end }}

{{/* Environment of every process; the data path gets no database address. */}}
{{- define "appliance.env" -}}
- {name: APPLIANCE_HOME, value: /appliance}
- {name: HOME, value: /tmp}
- {name: APPLIANCE_REDIS__URL, value: {{ include "appliance.redisUrl" . | quote }}}
- {name: APPLIANCE_CLUSTER__ADAPTER, value: kubernetes}
- {name: APPLIANCE_CLUSTER__NAMESPACE, value: {{ .Release.Namespace }}}
- {name: APPLIANCE_CLUSTER__RAY_CLUSTER_NAME, value: {{ include "appliance.rayCluster" . }}}
{{- range $key, $value := .Values.settings }}
- {name: APPLIANCE_{{ $key }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "appliance.databaseEnv" -}}
- {name: APPLIANCE_DATABASE__URL, value: {{ include "appliance.databaseUrl" . | quote }}}
{{- end }}

{{- define "appliance.listenEnv" -}}
- {name: APPLIANCE_CLUSTER__LISTEN_HOST, value: 0.0.0.0}
- {name: APPLIANCE_CLUSTER__LISTEN_PORT, value: "8080"}
{{- end }}

{{/* The home: an empty folder with the secrets, the box's own facts and the shared folders mounted inside. */}}
{{- define "appliance.mounts" -}}
- {name: home, mountPath: /appliance}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /appliance/secrets, readOnly: true}
- {name: box, mountPath: /appliance/box.json, subPath: box.json, readOnly: true}
{{- end }}

{{- define "appliance.sharedMounts" -}}
- {name: shared, mountPath: /appliance/weights, subPath: weights}
- {name: shared, mountPath: /appliance/uploads, subPath: uploads}
- {name: shared, mountPath: /appliance/snapshot, subPath: snapshot}
{{- end }}

{{- define "appliance.volumes" -}}
- {name: home, emptyDir: {}}
- {name: tmp, emptyDir: {}}
- name: box
  configMap: {name: {{ .Release.Name }}-box}
{{- end }}

{{- define "appliance.wholeSecret" -}}
- name: secrets
  secret: {secretName: {{ include "appliance.secret" . }}, defaultMode: 0440}
{{- end }}

{{/* The data path: the Redis password, the node token and the forward key, not the database's nor the admin's. */}}
{{- define "appliance.dataPathSecret" -}}
- name: secrets
  secret:
    secretName: {{ include "appliance.secret" . }}
    defaultMode: 0440
    items:
      - {key: redis_password, path: redis_password}
      - {key: node_token, path: node_token}
      - {key: forward_key, path: forward_key}
      - {key: ray_token, path: ray_token}
{{- end }}

{{- define "appliance.sharedVolume" -}}
- name: shared
  persistentVolumeClaim: {claimName: {{ include "appliance.claim" . }}}
{{- end }}

{{/* Every control plane pod migrates first, under one lock, so none runs against an older schema. */}}
{{- define "appliance.migrateContainer" -}}
name: migrate
{{ include "appliance.ownImage" . }}
command: [python, -m, control_plane.migrate]
env:
  {{- include "appliance.env" . | nindent 2 }}
  {{- include "appliance.databaseEnv" . | nindent 2 }}
volumeMounts:
  {{- include "appliance.mounts" . | nindent 2 }}
  {{- include "appliance.sharedMounts" . | nindent 2 }}
resources:
  requests: {cpu: 100m, memory: 256Mi}
  limits: {memory: 512Mi}
{{ include "appliance.restricted" . }}
{{- end }}

{{/* Pods restart when what they read at start has changed. */}}
{{- define "appliance.checksums" -}}
checksum/config: {{ include (print .Template.BasePath "/box-configmap.yaml") . | sha256sum }}
{{- end }}

{{- define "appliance.httpProbes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 5
lifecycle:
  preStop:
    exec: {command: [sleep, "5"]}
{{- end }}

{{/* PostgreSQL and Redis: images of others, with users of their own. */}}
{{- define "appliance.serverPodSpec" -}}
enableServiceLinks: false
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  {{- with .runAsUser }}
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A Ray container. Whoever reaches Ray's API runs code, so the token is on everywhere; the operator adds command and probes. */}}
{{- define "appliance.rayContainer" -}}
{{ include "appliance.ownImage" . }}
env:
  {{- include "appliance.env" . | nindent 2 }}
  - {name: RAY_AUTH_MODE, value: token}
  - name: RAY_AUTH_TOKEN
    valueFrom:
      secretKeyRef: {name: {{ include "appliance.secret" . }}, key: ray_token}
  - {name: RAY_USAGE_STATS_ENABLED, value: "0"}
  - {name: RAY_worker_niceness, value: "0"}
  - {name: RAY_memory_monitor_refresh_ms, value: "0"}
  - {name: RAY_kill_child_processes_on_worker_exit, value: "0"}
  - {name: VLLM_NO_USAGE_STATS, value: "1"}
  - {name: DO_NOT_TRACK, value: "1"}
  - {name: HF_HUB_DISABLE_TELEMETRY, value: "1"}
  - {name: HF_HUB_OFFLINE, value: "1"}
  - {name: TRANSFORMERS_OFFLINE, value: "1"}
volumeMounts:
  {{- include "appliance.mounts" . | nindent 2 }}
  - {name: shared, mountPath: /appliance/weights, subPath: weights, readOnly: true}
{{ include "appliance.restricted" . }}
{{- end }}

{{/* Building stones of the network policies: peers are named by release and component. */}}

{{- define "appliance.peer" -}}
podSelector:
  matchLabels:
    app.kubernetes.io/instance: {{ .Release.Name }}
  matchExpressions:
    - key: app.kubernetes.io/component
      operator: In
      values: [{{ join ", " .peers }}]
{{- end }}

{{- define "appliance.egressToPostgresql" -}}
{{- if .Values.postgresql.enabled }}
- to:
    - {{- include "appliance.peer" (merge (dict "peers" (list "postgresql")) .) | nindent 6 }}
  ports: [{port: 5432, protocol: TCP}]
{{- else }}
- ports: [{port: {{ .Values.postgresql.external.port }}, protocol: TCP}]
{{- end }}
{{- end }}

{{- define "appliance.egressToRedis" -}}
{{- if .Values.redis.enabled }}
- to:
    - {{- include "appliance.peer" (merge (dict "peers" (list "redis")) .) | nindent 6 }}
  ports: [{port: 6379, protocol: TCP}]
{{- else }}
- ports: [{port: {{ .Values.redis.external.port }}, protocol: TCP}]
{{- end }}
{{- end }}

{{- define "appliance.egressToKubernetes" -}}
- to:
    {{- range .Values.networkPolicy.kubernetesApi.cidrs }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  ports:
    {{- range .Values.networkPolicy.kubernetesApi.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}

{{/* Clients of API and gateway: whom the operator names, and the release's own test pod and gateways. */}}
{{- define "appliance.ingressFromClients" -}}
- ports: [{port: 8080, protocol: TCP}]
  {{- with .Values.networkPolicy.clients }}
  from:
    {{- toYaml . | nindent 4 }}
    - {{- include "appliance.peer" (merge (dict "peers" (list "gateway" "test")) $) | nindent 6 }}
  {{- end }}
{{- end }}

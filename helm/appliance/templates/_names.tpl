{{/* Names and labels. Everything is called <release>-<component>; the selector labels never change between versions. */}}

{{- define "appliance.name" -}}
{{ .Release.Name }}-{{ .component }}
{{- end }}

{{- define "appliance.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Ray's pods keep the operator's own app.kubernetes.io/name, because its head Service selects by it. */}}
{{- define "appliance.rayLabels" -}}
{{ include "appliance.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: thousand-sails
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "appliance.labels" -}}
app.kubernetes.io/name: thousand-sails
{{ include "appliance.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: thousand-sails
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "appliance.metadata" -}}
name: {{ include "appliance.name" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "appliance.labels" . | nindent 2 }}
{{- end }}

{{- define "appliance.image" -}}
{{- $registry := .root.Values.global.imageRegistry | trimSuffix "/" -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .image.repository }}{{ if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{- define "appliance.secret" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" .Release.Name) }}
{{- end }}

{{- define "appliance.claim" -}}
{{ .Values.storage.existingClaim | default (printf "%s-shared" .Release.Name) }}
{{- end }}

{{- define "appliance.rayCluster" -}}
{{ .Release.Name }}-ray
{{- end }}
